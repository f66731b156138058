"""
A resolution: what a reference into an MLflow store named when it was last asked, and the copy that was taken then.

Part of the entry of a route in a generation. The digest of the copy is its pin: nothing else is served under this
reference until it is resolved again.
"""

from dataclasses import dataclass

from gateway.errors import ArtifactError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """
    Say what a reference names: a registered version, a run, the path of the copy and its digest.

    `exact` is a reference that names the same forever (`mlflow:models:/churn/3`), `store` the address that was asked,
    without credentials. `metric` and `value` are those by which the best run was found. Where nothing could be
    resolved, `problem` says why and everything else is empty.
    """

    reference: str
    store: str = ""
    exact: str = ""
    name: str = ""
    version: str = ""
    run_id: str = ""
    metric: str = ""
    value: float | None = None
    path: str = ""
    sha256: str = ""
    problem: Problem | None = None

    @property
    def label(self) -> str:
        """Return a short name of the model for people: `version 3`, `run 07f1f2fc… (log_loss 0.259)`."""
        if self.problem is not None:
            return "nothing"
        if self.version:
            return f"version {self.version}"
        measured = f" ({self.metric} {self.value:g})" if self.value is not None else ""
        return f"run {self.run_id[:8]}{measured}"


def must_serve(reference: str, found: Resolution | None) -> None:
    """Raise ArtifactError where a reference has no copy that could serve."""
    if found is None:
        raise ArtifactError(
            f"'{reference}' has not been resolved yet", code="mlflow-unresolved", hint="ask the store: gateway reload"
        )
    if found.problem is not None:
        raise ArtifactError(found.problem.message, code=found.problem.code, hint=found.problem.hint)


def must_be_unaltered(found: Resolution, sha256: str) -> None:
    """Raise ArtifactError where the copy in the cache has other bytes than those that were taken."""
    if found.sha256 != sha256:
        raise ArtifactError(
            f"the copy of {found.exact} in the cache was altered: its sha256 is {sha256}, taken was {found.sha256}",
            code="broken-artifact",
            hint=f"delete {found.path}, then: gateway reload",
        )
