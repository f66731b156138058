"""
All errors of the gateway, with stable codes and fixes; no HTTP, no framework.

    GatewayError
    ├── RegistryError       faults of registry.yaml, all of them, with positions
    ├── ArtifactError       bytes that are missing, altered, unsafe or not what they claim to be
    ├── LoadError           an artifact that cannot become a predictor here (package, version, Java, golden row)
    ├── InputError          faults of a request, all of them, with paths
    │   └── OptionError     a header or an option of it that cannot be read
    ├── TooLargeError       a batch above the limits of its route
    ├── UnreadableError     a format that cannot be read or written here (an extra is missing)
    ├── NotReadyError       the model of a route is not there (yet)
    ├── OverloadError       the bulkhead of a route is full
    ├── RateLimitError      the caller has used up what it may use for now
    │   └── QuotaError      or today
    ├── DeadlineError       the time of a call is used up
    ├── PredictError        the model raised while predicting
    ├── NotExplainable      the answers of a model have no exact explanation
    ├── UnauthorisedError   nobody knows the caller: no key, or none that counts
    └── ForbiddenError      the caller is known, and may not do this
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


class GatewayError(Exception):
    """
    Say what is wrong (`message`), in which class of faults (`code`), and how to repair it (`hint`).

    Picklable and JSON-able through `as_problem`, because it crosses from the prepare child to everybody else.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def as_problem(self) -> "Problem":
        """Return the plain record of this error."""
        return Problem(code=self.code, message=self.message, hint=self.hint)


#: Faults of a route that lie in its surroundings, in what was written about it, or in bytes that did not arrive whole:
#: they say nothing against a version that was committed before. Every other fault of a route does, a new one too.
CIRCUMSTANCES: Final = frozenset(
    {
        "artifact-changing", "artifact-gone", "artifact-missing", "artifact-unreadable", "broken-artifact",
        "broken-package", "ca-file", "cache-unwritable", "compile-required", "environment-broken", "environment-build",
        "environment-numpy", "environment-timeout", "executor-differs", "executor-metadata", "executor-protocol",
        "executor-unavailable", "headers-file", "jvm-failed", "jvm-forked", "load", "loading",
        "missing-extra", "missing-java", "mlflow-alias", "mlflow-artifact", "mlflow-away", "mlflow-best",
        "mlflow-changed", "mlflow-code", "mlflow-credentials", "mlflow-experiment", "mlflow-filter", "mlflow-model",
        "mlflow-run",
        "mlflow-timeout", "mlflow-unresolved", "mlflow-version", "no-loader", "not-ready", "prepare-crashed",
        "prepare-killed", "prepare-memory", "prepare-raised", "prepare-timeout", "python-entry", "python-import",
        "python-not-found", "python-signature", "python-too-old", "quarantined", "requirements-empty",
        "requirements-line", "requirements-missing", "stub", "unknown-loader", "uv-missing",
        # Contradictions between registry and artifact: the entry that was committed had none.
        "bad-template", "default", "pattern",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Hold an error as data: the reason and the fix that /health, /routes and 503 answers show."""

    code: str
    message: str
    hint: str | None = None

    @property
    def is_about_right_or_safe(self) -> bool:
        """Say whether it makes an artifact wrong or unsafe to serve: no committed generation covers that."""
        return self.code not in CIRCUMSTANCES


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Name one wrong value of a request.

    `at` is a JSON path (`$.instances[3].glucose`) or the name of a parameter; `field` is set when the fault
    belongs to a declared field; `row` counts instances from 0.
    """

    at: str
    code: str
    message: str
    expected: Any = None
    got: Any = None
    hint: str | None = None
    field: str | None = None
    row: int | None = None


class RegistryError(GatewayError):
    """Carry every fault of a registry; `text` is the compiler-style report."""

    code = "registry"

    def __init__(
        self, message: str, *, text: str = "", count: int = 1, hint: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.text = text or message
        self.count = count


class ArtifactError(GatewayError):
    """The bytes of an artifact are missing, altered, unsafe or broken."""

    code = "artifact"


class LoadError(GatewayError):
    """The artifact is there but cannot become a predictor in this environment."""

    code = "load"


class InputError(GatewayError):
    """Carry the faults of a request; `total` may exceed `len(faults)` when a batch has very many."""

    code = "invalid-input"

    def __init__(self, faults: Sequence[Fault], *, total: int | None = None, hint: str | None = None) -> None:
        self.faults = tuple(faults)
        self.total = len(self.faults) if total is None else total
        head = self.faults[0].message if self.total == 1 else f"{self.total} faults in the request"
        super().__init__(head, hint=hint)

    def by_field(self) -> Mapping[str, str]:
        """Return field -> text of its first fault, in order (what Flask-RESTful clients read)."""
        texts: dict[str, str] = {}
        for fault in self.faults:
            if fault.field is not None:
                texts.setdefault(fault.field, fault.message)
        return texts


class OptionError(InputError):
    """A header or an option of a request that cannot be read: no fault of its input."""


class TooLargeError(GatewayError):
    """A batch has more rows, or unpacks to more bytes, than its route takes."""

    code = "too-large"


class UnreadableError(GatewayError):
    """A format cannot be read or written here; the hint says what to install or to send instead."""

    code = "unsupported-media-type"


class NotReadyError(GatewayError):
    """The route exists, its model does not serve."""

    code = "not-ready"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None, retry_after_s: int = 5):
        super().__init__(message, code=code, hint=hint)
        self.retry_after_s = retry_after_s


class OverloadError(GatewayError):
    """A limit of a route or a worker is reached; the caller may come back after `retry_after_s`."""

    code = "overloaded"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "retry later, or raise max_concurrency / max_queue of the route",
        retry_after_s: int = 1,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after_s = retry_after_s


class RateLimitError(GatewayError):
    """A caller has used up what it may use of a route, or beside routes; it may come back after `retry_after_s`."""

    code = "rate-limited"

    def __init__(self, message: str, *, hint: str, retry_after_s: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class QuotaError(RateLimitError):
    """The rows of a request are beyond what its caller has left of the quota of the day."""

    code = "quota-used-up"


class DeadlineError(GatewayError):
    """The deadline of a call passed before the answer was there."""

    code = "deadline"


class PredictError(GatewayError):
    """The model raised; the cause belongs into the log, never into the answer."""

    code = "predict-failed"


class NotExplainable(GatewayError):
    """The answers of this model cannot be explained exactly; the hint says what could be."""

    code = "not-explainable"

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(reason, hint=instead or None)


class UnauthorisedError(GatewayError):
    """The caller is not known: a key is missing, mistyped, unknown, expired or revoked."""

    code = "unauthorised"


class ForbiddenError(GatewayError):
    """The caller is known, and no scope of its key covers what it asks for; `routes` are some that one does cover."""

    code = "forbidden"

    def __init__(
        self, message: str, *, hint: str, routes: Sequence[Mapping[str, str]] = (), total_routes: int = 0
    ) -> None:
        super().__init__(message, hint=hint)
        self.routes = routes
        self.total_routes = total_routes
