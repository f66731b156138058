"""What all executors share whose model answers in another process: a client in the native threads of the worker."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import Remote
from gateway.artifacts.remote_tensors import RemoteTensors
from gateway.errors import DeadlineError, LoadError, NotExplainable
from gateway.executors.base import ServerHealth
from gateway.executors.lazy_explainer import LazyExplainer
from gateway.executors.oip_client import OipClient
from gateway.executors.thread_pool import MAX_THREADS, NativePool, OverrunError
from gateway.explanation import Explanation
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, Predictions

#: The client keeps the deadline itself; only what cannot be interrupted, such as looking up a name, takes longer.
_GRACE_S = 0.25


class RemoteExecutor(ABC):
    """Ask the server of a model by `_client`, which `start` makes: a kind says by `make_client` where it is."""

    capacity = MAX_THREADS // 4

    def __init__(self, manifest: Manifest, options: LoadOptions, pool: NativePool) -> None:
        del options
        self._manifest = manifest
        self._pool = pool
        self.degraded = ""
        self.explainer: LazyExplainer | None = None
        self._client: OipClient
        self._tensors: RemoteTensors

    @abstractmethod
    def make_client(self, remote: Remote) -> OipClient:
        """Return the client of the server; it connects at the first question."""

    def start(self) -> None:
        """Make the client; a server that is away is asked by each call until it is back."""
        remote = self._manifest.remote
        if remote is None or remote.tensors is None:
            raise LoadError("the manifest names no server", code="load", hint="run: gateway prepare")
        self._tensors = remote.tensors
        self._client = self.make_client(remote)

    def server_health(self) -> ServerHealth:
        """Return the state of the breaker, and the servers that are left out."""
        return ServerHealth(breaker=self._client.breaker.state, away=self._client.away)

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """Ask in a thread of the pool; one that overruns holds its slot, and does not cost the worker."""
        return self._asked(columns, deadline)

    def _asked(self, columns: Sequence[Column], deadline: float, *, was_lost: bool = False) -> Predictions:
        client, tensors = self._client, self._tensors

        def ask() -> Predictions:
            return client.predict(columns, tensors, deadline, was_lost=was_lost)

        try:
            return self._pool.call(ask, deadline + _GRACE_S, ends=True)
        except OverrunError as error:
            raise OverrunError("the deadline passed while the server of this model was asked", error.job) from error
        except DeadlineError as error:
            raise DeadlineError(error.message) from error

    def explain(self, columns: Sequence[Column], deadline: float) -> Explanation:
        """Refuse, by name: the protocol answers no contributions."""
        report = self._manifest.explanation
        raise NotExplainable(report.reason, report.instead) if report else NotExplainable("the model is not here")
