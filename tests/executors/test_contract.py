"""What every executor keeps, wherever it runs its predicts; another kind joins by a line in KINDS."""

import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from executors import v2_server
from executors.compiled_stub import compiled_times
from executors.predictor_server import serve
from executors.v2_server import V2Server
from gateway.artifacts.manifest import CompiledModel, ExplanationReport, Manifest, StoredArtifact
from gateway.artifacts.remote import ChildSpec, Remote, RemoteKind
from gateway.artifacts.remote_tensors import tensors_of
from gateway.errors import ArtifactError, DeadlineError, LoadError, NotExplainable, NotReadyError
from gateway.executors import EXECUTORS, make_executor, socket_folder
from gateway.executors.base import Executor
from gateway.executors.breaker import FAILURES
from gateway.executors.oip_refusals import StartingError
from gateway.executors.socket_folder import socket_path
from gateway.executors.thread_pool import NativePool
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import make_column
from serving import free_port
from together import MODES, Mode, nap, together

#: Name of the case -> the kind of executor, and what preparing measured.
KINDS: dict[str, tuple[RemoteKind | Literal["local"], dict[str, Any]]] = {
    "local-inline": ("local", {"predict_s": 1e-5, "inline": True}),
    "local-pooled": ("local", {"predict_s": 0.0, "inline": False}),
    "upstream": ("upstream", {"predict_s": 0.0, "inline": False}),
    "process": ("process", {"predict_s": 0.0, "inline": False}),
    "h2o_server": ("h2o_server", {"predict_s": 0.0, "inline": False}),
    "ray": ("ray", {"predict_s": 0.0, "inline": False}),
}
#: Cases whose model is a file that the worker itself loads.
LOCAL = sorted(name for name, (kind, _) in KINDS.items() if kind == "local")


@dataclass
class Maker:
    """Start executors of models that are written as files."""

    folder: Path
    kind: RemoteKind | Literal["local"]
    measured: dict[str, Any]
    pool: NativePool = field(default_factory=lambda: NativePool(4))
    servers: list[V2Server] = field(default_factory=list)

    def stub(self, **script: Any) -> Executor:
        """Return the executor of a stub with this script."""
        path = self.folder / f"{len(list(self.folder.iterdir()))}.stub"
        path.write_text(json.dumps({"inputs": ["a"], **script}))
        return self.started("stub", path)

    def code(self, text: str) -> Executor:
        """Return the executor of a function `f` of Python code."""
        path = self.folder / f"code_{len(list(self.folder.iterdir()))}.py"
        path.write_text(text)
        return self.started("python", path, LoadOptions(entry="f", origin=self.folder))

    def started(self, loader: str, path: Path, options: LoadOptions | None = None, **more: Any) -> Executor:
        """Return the executor of an artifact."""
        executor = self.made(loader, path, options or LoadOptions(), **more)
        executor.start()
        return executor

    def made(self, loader: str, path: Path, options: LoadOptions, **more: Any) -> Executor:
        """Return an executor that is not started."""
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        artifact = StoredArtifact(path=str(path), sha256=sha256, origin=str(path), size_bytes=1)
        predictor = get_loader(loader).load(path, options)
        tensors = tensors_of(predictor.signature)
        if self.kind == "upstream":
            self.servers.append(serve(predictor, free_port()))
            urls = (self.servers[-1].address,)
            more["remote"] = Remote(kind="upstream", model="m", urls=urls, binary=True, tensors=tensors)
        if self.kind in ("process", "h2o_server", "ray"):
            # Where the arbiter puts the socket of a process that is ready; the process itself has tests of its own.
            child = ChildSpec(name=f"{len(self.servers):016x}", argv=())
            self.servers.append(serve(predictor, str(socket_path(child.name, 0))))
            more["remote"] = Remote(kind=self.kind, model="m", child=child, binary=True, tensors=tensors)
        manifest = Manifest(
            key="k", loader=loader, artifact=artifact, signature=predictor.signature, **(self.measured | more)
        )
        return make_executor(manifest, options, self.pool)


@pytest.fixture(params=sorted(KINDS))
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Return what starts executors of one kind."""
    kind, measured = KINDS[request.param]
    with tempfile.TemporaryDirectory(prefix="s-") as short:  # the path of a socket has 107 bytes at most
        socket_folder.choose(Path(short))
        maker = Maker(tmp_path, kind, measured)
        yield maker
        maker.pool.close(0)
        for server in maker.servers:
            server.close()


#: A test of what only a model in the worker itself does.
only_local = pytest.mark.parametrize("maker", LOCAL, indirect=True)


def columns(*values: float) -> list[Any]:
    """Return one column of numbers."""
    return [make_column("number", values)]


def later(seconds: float = 10.0) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds


def test_every_kind_is_tested() -> None:
    """A kind of executor that the table names keeps this contract."""
    assert {kind for kind, _ in KINDS.values()} == set(EXECUTORS)


@pytest.mark.parametrize("mode", MODES)
def test_own_answers(maker: Maker, mode: Mode) -> None:
    """50 callers at once: everyone gets the predictions of their own rows, in order."""
    executor = maker.stub()
    calls = [lambda n=n: executor.predict(columns(n, n + 0.5), later()).values.tolist() for n in range(50)]
    assert together(mode, calls) == [[n, n + 0.5] for n in range(50)]


def test_inputs_stay_as_they_are(maker: Maker) -> None:
    """A predict changes no column: the answer may still show the inputs."""
    given = columns(1.0, np.nan)
    before = given[0].copy()
    maker.stub(answer=1).predict(given, later())
    np.testing.assert_array_equal(given[0], before)


@pytest.mark.parametrize("mode", MODES)
def test_error_of_the_model_arrives(maker: Maker, mode: Mode) -> None:
    """What the model raises reaches the caller, and the next call is served."""
    executor = maker.stub(**{"raise": "broken"})
    outcomes = together(mode, [lambda: executor.predict(columns(1.0), later())] * 3)
    assert [str(outcome).rpartition(": ")[2] for outcome in outcomes] == ["broken"] * 3


def test_passed_deadline_is_not_begun(maker: Maker) -> None:
    """A call whose time is up before it starts raises DeadlineError, and the model is not asked."""
    executor = maker.code("asked = []\n\ndef f(x: float) -> int:\n    asked.append(x)\n    return len(asked)\n")
    with pytest.raises(DeadlineError):
        executor.predict(columns(1.0), time.monotonic() - 0.001)
    assert list(executor.predict(columns(1.0), later()).values) == [1]


def test_capacity_is_known_before_the_start(maker: Maker) -> None:
    """Routes size their limits by it while the model is still to be loaded."""
    path = maker.folder / "m.stub"
    path.write_text('{"inputs": ["a"]}')
    assert maker.made("stub", path, LoadOptions()).capacity >= 1


@only_local
def test_an_artifact_that_is_gone_or_broken_is_told(maker: Maker) -> None:
    """`start` raises an error of the gateway with a code and a repair; the process lives on."""
    path = maker.folder / "m.stub"
    path.write_text('{"inputs": ["a"]}')
    gone, broken = (maker.made("stub", path, LoadOptions()) for _ in range(2))
    path.write_text("{")
    with pytest.raises(ArtifactError):
        broken.start()
    path.unlink()
    with pytest.raises(LoadError, match="the kept copy of the artifact is gone") as raised:
        gone.start()
    assert raised.value.code == "artifact-gone"
    assert "gateway reload" in str(raised.value.hint)


def _doubling(maker: Maker) -> tuple[Path, CompiledModel]:
    """Return a stub that answers its input, and a compiled model that answers twice as much."""
    path = maker.folder / "m.stub"
    path.write_text('{"inputs": ["a"]}')
    return path, compiled_times(maker.folder / "m.compiled", 2.0)


def test_what_explains_is_there_or_said_to_be_none(maker: Maker) -> None:
    """A model asks each executor for its explainer: made at the first question, or None where each is refused."""
    executor = maker.stub()
    if executor.explainer is None:
        with pytest.raises(NotExplainable):
            executor.explain(columns(1.0), later())
        return
    assert not executor.explainer.is_loaded
    assert executor.explain(columns(1.0), later()).margin.tolist() == [1.0]
    assert executor.explainer.is_loaded


@only_local
def test_the_compiled_model_serves_else_the_original(maker: Maker) -> None:
    """Where the proven file is there it answers; where it was altered the original does, and says why."""
    path, compiled = _doubling(maker)
    executor = maker.started("stub", path, compiled=compiled)
    assert executor.predict(columns(3.0), later()).values.tolist() == [6.0]
    assert executor.degraded == ""
    Path(compiled.path).write_bytes(b"altered")
    executor = maker.started("stub", path, compiled=compiled)
    assert executor.predict(columns(3.0), later()).values.tolist() == [3.0]
    assert "altered since it was proven" in executor.degraded


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["local-pooled", "upstream"])
def test_slow_predict_leaves_the_loop_alone(tmp_path: Path, kind: str, mode: Mode) -> None:
    """A predict not proven short waits in a native thread for what only another request of this loop brings."""
    maker = Maker(tmp_path, *KINDS[kind])
    flag = tmp_path / "flag"
    wait = f"    while not os.path.exists({str(flag)!r}):\n        time.sleep(0.005)\n"
    executor = maker.code(f"import os, time\n\ndef f(x: float) -> float:\n{wait}    return x\n")
    with pytest.raises(DeadlineError):
        executor.predict(columns(1.0), later(0.05))

    def raise_flag() -> None:
        nap(mode, 0.01)
        flag.touch()

    outcome, _ = together(mode, [lambda: executor.predict(columns(1.0), later(60.0)), raise_flag])
    assert list(outcome.values) == [1.0]
    maker.pool.close(0)


@only_local
def test_answers_without_parts_have_no_explanation(maker: Maker) -> None:
    """A stub that sums is explained; one that answers what its script says is not: reason and way out are told."""
    assert maker.stub().explain(columns(1.0), later()).contributions.tolist() == [[1.0]]
    with pytest.raises(NotExplainable, match="script") as caught:
        maker.stub(answer=2.0).explain(columns(1.0), later())
    assert caught.value.hint
    maker.pool.close(0)


def _thread_of(maker: Maker, given: list[Any], kind: str) -> int:
    """Return the native thread in which a predict runs."""
    executor = maker.code(f"import threading\n\ndef f(x: {kind}) -> int:\n    return threading.get_ident()\n")
    return int(executor.predict(given, later()).values[0])


@pytest.mark.parametrize(
    ("measured", "rows", "is_inline"),
    [
        ({"predict_s": 1e-5, "inline": True}, 1, True),
        ({"predict_s": 1e-5, "inline": True}, 100, True),
        ({"predict_s": 1e-5, "inline": True}, 101, False),
        ({"predict_s": 1e-5, "inline": False}, 1, False),
        ({"predict_s": 0.0, "inline": True}, 1, False),
    ],
)
def test_short_predicts_stay_in_the_loop(measured: dict[str, Any], rows: int, is_inline: bool, tmp_path: Path) -> None:
    """Proven short: no hand-over to a thread. Many rows, or not proven: a thread."""
    maker = Maker(tmp_path, "local", measured)
    assert (_thread_of(maker, columns(*[1.0] * rows), "float") == threading.get_ident()) is is_inline
    maker.pool.close(0)


def test_long_texts_leave_the_loop(tmp_path: Path) -> None:
    """A text model that is short for a sentence is not short for a book."""
    maker = Maker(tmp_path, *KINDS["local-inline"])
    threads = [_thread_of(maker, [make_column("string", [text])], "str") for text in ("short", "x" * 100_000)]
    assert [thread == threading.get_ident() for thread in threads] == [True, False]
    maker.pool.close(0)


def test_a_model_elsewhere_has_no_explanation(tmp_path: Path) -> None:
    """The protocol carries no contributions: reason and way out are told."""
    maker = Maker(tmp_path, *KINDS["upstream"])
    report = ExplanationReport(reason="it is elsewhere", instead="take local")
    path = tmp_path / "m.stub"
    path.write_text('{"inputs": ["a"]}')
    executor = maker.started("stub", path, LoadOptions(), explanation=report)
    with pytest.raises(NotExplainable, match="elsewhere"):
        executor.explain(columns(1.0), later())


def test_a_server_that_is_away_starts_and_comes_back(tmp_path: Path) -> None:
    """A worker serves without it; its calls say so until it is back. One that tells of another model fails."""
    maker = Maker(tmp_path, *KINDS["upstream"])
    path = tmp_path / "m.stub"
    path.write_text('{"inputs": ["a"]}')
    executor = maker.made("stub", path, LoadOptions())
    (server,) = maker.servers
    server.close()
    executor.start()
    with pytest.raises(NotReadyError, match="refused"):
        executor.predict(columns(1.0), later(0.2))
    server.listen()
    assert executor.predict(columns(1.5), later()).values.tolist() == [1.5]
    server.metadata["inputs"] = [{"name": "b", "datatype": "FP64", "shape": [-1]}]
    with pytest.raises(LoadError, match="input 'a' is gone; input 'b' is new"):
        executor.start()


#: Cases whose server the arbiter starts again when it ends.
SUPERVISED = ["h2o_server", "process", "ray"]
only_supervised = pytest.mark.parametrize("maker", SUPERVISED, indirect=True)
LOADING = v2_server.answer(503, {"error": "it is starting this model", "code": "child-loading"})


def _kill(server: V2Server) -> None:
    """End a server as the arbiter leaves it after a kill -9: its socket is gone."""
    server.close()
    Path(str(server.place)).unlink()


@only_supervised
@pytest.mark.parametrize("mode", MODES)
def test_calls_wait_for_a_server_that_is_started_again(maker: Maker, mode: Mode) -> None:
    """More calls than there are threads wait, another model of the worker answers meanwhile, then each is answered."""
    executor, here = maker.stub(), Maker(maker.folder, *KINDS["local-pooled"], pool=maker.pool).stub()
    (server,) = maker.servers
    _kill(server)
    answered = []

    def ask(value: float) -> Any:
        answered.append(executor.predict(columns(value), later()).values.tolist())
        return answered[-1]

    def come_back() -> Any:
        nap(mode, 0.05)
        own = here.predict(columns(7.0), later()).values.tolist()
        assert answered == []
        server.listen()
        return own

    outcomes = together(mode, [*(lambda n=n: ask(float(n)) for n in range(12)), come_back])
    assert outcomes == [*([float(n)] for n in range(12)), [7.0]]
    health = executor.server_health()
    assert health is not None
    assert (health.breaker, health.away) == ("closed", {})


@only_supervised
def test_a_server_that_does_not_come_back_is_told_by_the_deadline(maker: Maker) -> None:
    """A refusal that names a time, not a missed deadline; however often, the server that comes then is asked at once."""
    executor = maker.stub()
    (server,) = maker.servers
    _kill(server)
    ends = later(0.5)
    told = together("threads", [lambda: executor.predict(columns(1.0), ends)] * 2 * FAILURES)
    assert {str(error).partition(": ")[2] for error in told} == {"it is being started"}
    assert {(error.code, error.retry_after_s) for error in told} == {("executor-unavailable", 1)}
    server.listen()
    assert executor.predict(columns(2.0), later()).values.tolist() == [2.0]


@only_supervised
def test_rows_that_end_their_process_are_sent_twice_at_most(maker: Maker) -> None:
    """Waiting for the next process starts no new count: rows that kill it must not kill each that follows."""
    executor = maker.stub()
    (server,) = maker.servers

    def die(request: v2_server.Request, connection: Any) -> None:
        _kill(server)
        threading.Timer(0.05, server.listen).start()

    server.answers.extend([die] * 3)
    with pytest.raises(NotReadyError, match="twice"):
        executor.predict(columns(1.0), later())
    assert server.predicts == 2
    server.answers.clear()
    assert executor.predict(columns(1.0), later()).values.tolist() == [1.0]


@only_supervised
def test_a_breaker_that_a_hung_process_opened_says_nothing_of_the_next(maker: Maker) -> None:
    """Calls are refused at once while the process hangs, and asked at once when another one has its place."""
    executor = maker.stub()
    (server,) = maker.servers
    server.answers.extend([v2_server.after(0.5)] * FAILURES)
    for _ in range(FAILURES):
        with pytest.raises(DeadlineError):
            executor.predict(columns(1.0), later(0.02))
    with pytest.raises(NotReadyError, match="did not answer within the deadline"):
        executor.predict(columns(1.0), later())
    _kill(server)
    server.listen()
    server.answers.clear()
    assert executor.predict(columns(1.0), later()).values.tolist() == [1.0]


@only_supervised
def test_calls_wait_for_a_model_that_its_server_is_loading(maker: Maker) -> None:
    """A server that has come back first loads its models; one that goes on is told by the deadline."""
    executor = maker.stub()
    (server,) = maker.servers
    server.answers.extend([v2_server.saying(LOADING)] * 3)
    assert executor.predict(columns(1.0), later()).values.tolist() == [1.0]
    server.always = v2_server.saying(LOADING)
    ends = later(0.5)
    told = together("threads", [lambda: executor.predict(columns(1.0), ends)] * 4)
    # The last try of a call may meet its deadline.
    assert {type(error) for error in told} <= {StartingError, DeadlineError}
    assert any("it is starting this model" in str(error) for error in told)
