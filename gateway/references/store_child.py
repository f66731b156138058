"""
The child that reads an MLflow store (`python -m gateway.references.store_child < question > answers`).

The only process that imports mlflow. Every access has a deadline, because a store that hangs must cost seconds and
never the gateway; a SQLite store is read from a copy, so that neither locks nor migrations reach the original.
"""

import contextlib
import importlib
import os
import re
import signal
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gateway.artifacts.mlflow_reference import PREFIX, Reference, parse_reference
from gateway.errors import GatewayError, Problem
from gateway.references.egress_guard import EgressGuard
from gateway.references.model_places import Place
from gateway.references.store_access import hidden
from gateway.references.store_questions import Found, Question, decode_question
from gateway.references.store_uri import folder_path, sqlite_path, without_credentials
from gateway.system import files
from gateway.system.parent_death import die_with_parent

T = TypeVar("T")

PIP_LINE: Final = "pip install 'multi-model-gateway[mlflow]'"
#: Environment of MLflow's client: no retries for minutes, folders of runs may be read, nothing is told to anybody.
_CLIENT: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
#: Addresses of artifacts in the store of a cloud, whose own client reads them; all others are the gateway's to judge.
_CLOUD: Final = re.compile(r"(?!https?:|mlflow-artifacts:|file:)[A-Za-z][A-Za-z0-9+.-]+:")
#: Variables with secrets that MLflow reads; their values are cut out of messages.
_SECRETS: Final = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class AwayError(GatewayError):
    """The store could not be asked: it is not there, does not answer, or refuses."""


def within(timeout_s: float, access: Callable[[], T]) -> T:
    """Return the result of one access; raises AwayError when it takes too long."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(access())
        except BaseException as error:  # handed to the caller
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise errors[0]
    if not results:
        raise AwayError(
            f"the store does not answer within {timeout_s:g} s",
            code="mlflow-timeout",
            hint="see whether it runs, or raise GATEWAY_MLFLOW_TIMEOUT_S; then: gateway reload",
        )
    return results[0]


def _unopened(reference: Reference) -> tuple[Found, Place]:
    raise NotImplementedError(reference.text)


class Child:
    """Answer the references of one question, one after the other."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.base, self.scratch = Path(question.base), Path(question.scratch)
        self.away: AwayError | None = None
        self.guard = EgressGuard(question.egress)
        self.reader: Any = None
        self.ask: Callable[[Reference], tuple[Found, Place]] = _unopened

    def answer(self, text: str) -> Found:
        """Return what a reference names; a store that was away for one reference is not asked again."""
        try:
            if self.away is not None:
                raise self.away
            return self._found(text)
        except AwayError as error:
            self.away = error
            return Found(reference=text, problem=self._scrubbed(error), is_away=not self.guard.refusal)
        except GatewayError as error:
            return Found(reference=text, problem=self._scrubbed(error))
        except Exception as error:  # whatever a client library raises means that the store could not be read
            if self.guard.refusal:
                return Found(reference=text, problem=self._scrubbed(self.guard.error()))
            self.away = _unreadable(error)
            return Found(reference=text, problem=self._scrubbed(self.away), is_away=True)

    def _found(self, text: str) -> Found:
        self.guard.refusal = ""
        reference, limit_s = parse_reference(text), self.question.timeout_s
        if self.reader is None:
            address = within(limit_s, self._reachable)
            library = _client_library()
            self.reader, self.ask = within(limit_s, lambda: library.opened(*address))
        found, place = within(limit_s, lambda: self.ask(reference))
        if found.exact in self.question.kept:
            return found
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        # Only the parent limits the download: a large model may take longer than any question.
        self.guard.is_cloud = bool(_CLOUD.match(place.address))
        path = self.reader.fetch(place, folder)
        if not path.exists():
            raise AwayError(
                f"the artifacts of {found.exact.removeprefix(PREFIX)} are not at {place.address}",
                code="mlflow-away",
                hint="put them back there, or mount the folder of the store; then: gateway reload",
            )
        return replace(found, path=str(path))

    def _reachable(self) -> tuple[str, list[Path]]:
        """Return the address to read, and the folders below which artifacts may lie."""
        uri = self.question.uri
        database, folder = sqlite_path(uri, self.base), folder_path(uri, self.base)
        if database is not None:
            copy = _copied(database, self.scratch / "store.db")
            return f"sqlite:///{copy}", [database.parent, database.parent / "mlruns", self.base]
        if folder is not None:
            if not folder.is_dir():
                raise _absent(folder)
            return folder.absolute().as_uri(), [folder]
        return uri, []

    def _scrubbed(self, error: GatewayError) -> Problem:
        """Return the error without the secrets of the environment or of an address."""
        message = error.message.replace(self.question.uri, without_credentials(self.question.uri))
        for secret in filter(None, map(os.environ.get, _SECRETS)):
            message = message.replace(secret, "…")
        return Problem(error.code, hidden(without_credentials(message), self.question.variables), error.hint)


def _client_library() -> Any:
    """Import what reads a store, which takes seconds that are no fault of the store; by name, for it may be absent."""
    try:
        return importlib.import_module("gateway.references.best_run")
    except ModuleNotFoundError as error:
        raise AwayError(
            f"references into MLflow need the package '{error.name}', which is not installed here",
            code="missing-extra",
            hint=PIP_LINE,
        ) from error


def _copied(database: Path, copy: Path) -> Path:
    """Return a consistent copy of a SQLite database, also of one that is being written to."""
    if not database.is_file():
        raise _absent(database)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise AwayError(
            f"the store {database} cannot be read: {error}",
            code="mlflow-away",
            hint="see that it is a SQLite file of MLflow which this user may read; then: gateway reload",
        ) from error
    return copy


def _absent(path: Path) -> AwayError:
    return AwayError(
        f"there is no MLflow store at {path}",
        code="mlflow-away",
        hint="put it back, or name its address in GATEWAY_MLFLOW_URI; then: gateway reload",
    )


def _unreadable(error: Exception) -> AwayError:
    text = " ".join(str(error).split())
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        return AwayError(
            "the database was written by another release of MLflow, whose tables differ",
            code="mlflow-away",
            hint="run `mlflow db upgrade URI` on it, or install the release of mlflow-skinny that wrote it",
        )
    return AwayError(
        f"the store cannot be read: {type(error).__name__}: {files.shortened(text)}",
        code="mlflow-away",
        hint="see whether it runs and lets this user read; then: gateway reload",
    )


def main() -> int:
    """Read a question from stdin, write an answer a line to stdout; output of libraries goes to stderr."""
    if len(sys.argv) > 1:
        die_with_parent(signal.SIGKILL, int(sys.argv[1]))
    question = decode_question(sys.stdin.buffer.readline())
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.environ.update(_CLIENT | question.variables)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(int(question.timeout_s), 1)))
    os.chdir(question.base)  # an address such as sqlite:///mlruns/mlflow.db is relative to the registry
    child = Child(question)
    child.guard.stand()
    for reference in question.references:
        answers.write(msgspec.json.encode(child.answer(reference)) + b"\n")
        answers.flush()
    # A thread may still wait for a store that hangs.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
