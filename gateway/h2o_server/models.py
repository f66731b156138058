"""
The models of one H2O server: uploaded when they are asked for, and uploaded again where another has taken their id.

An id stands inside of a binary model and is the maker's: two versions of a model may have the same. The server holds
one model of an id, so that whoever predicts must know that it is still the own one.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from gateway.child.faults import ChildError, LoadError
from gateway.child.schema import Columns, Model, Predictions, Signature, make_column
from gateway.errors import ArtifactError
from gateway.h2o_server.binary_model import find_model, read_version
from gateway.h2o_server.description import Description, describe
from gateway.h2o_server.rest_client import H2oError, RestClient
from gateway.h2o_server.shared_lock import SharedLock
from gateway.h2o_server.tables import ROW_COLUMN, ROW_TYPE, csv_of, predictions_of, rows_of

log = logging.getLogger("gateway.h2o_server")


class ServedModels:
    """Hold what is on the server. Thread-safe: many predict at a time, one uploads while nobody predicts."""

    def __init__(self, client: RestClient, version: str) -> None:
        self._client = client
        self._version = version
        self._turns = SharedLock()
        #: Id on the server -> the artifact that it is of.
        self._owners: dict[str, str] = {}
        #: Artifact -> its ids; a stacked ensemble brings the models below it.
        self._ids: dict[str, frozenset[str]] = {}

    @property
    def version(self) -> str:
        """Return the release of the server."""
        return self._version

    def load(self, artifact: Path, sha256: str) -> "H2oModel":
        """Upload a model for the first time; raises ChildError."""
        try:
            file = find_model(artifact)
            written_by = read_version(file)
        except ArtifactError as error:
            raise LoadError(error.code, f"{error.message}; {error.hint}") from None
        if written_by != self._version:
            raise LoadError(
                "wrong-version",
                f"the model was written by H2O {written_by}, and the server is {self._version}, which cannot read it",
            )
        content = file.read_bytes()
        try:
            with self._turns.alone():
                name = self._upload(content, sha256)
                found = describe(self._client.model(name))
                _check_levels(self._client, found)
        except (H2oError, OSError) as error:
            raise LoadError("child-load", f"the H2O server could not read the model: {error}") from error
        return H2oModel(self, sha256, name, content, found)

    def score(self, model: "H2oModel", table: bytes) -> bytes:
        """Score a CSV with a model that is certainly this one."""
        found = model.description
        names, types = (ROW_COLUMN, *found.columns), (ROW_TYPE, *found.types)
        while True:
            with self._turns.shared():
                if model.sha256 in self._ids:
                    return self._client.score(model.name, table, names, types)
            with self._turns.alone():
                if model.sha256 not in self._ids:
                    self._upload(model.content, model.sha256)

    def _upload(self, content: bytes, sha256: str) -> str:
        before = self._client.models()
        name = self._client.upload(content)
        after = self._client.models()
        own = {one for one, trained in after.items() if before.get(one) != trained} | {name}
        for one in own:
            self._take_from(self._owners.get(one), sha256)
            self._owners[one] = sha256
        self._ids[sha256] = frozenset(own)
        return name

    def _take_from(self, owner: str | None, sha256: str) -> None:
        """Forget that the server holds a model whose id another one has now."""
        if owner not in (None, sha256) and self._ids.pop(owner, None) is not None:
            log.info("two models have one id, and take turns on the server")


class H2oModel(Model):
    """Predict by one model of the server."""

    def __init__(self, served: ServedModels, sha256: str, name: str, content: bytes, description: Description) -> None:
        self.signature: Signature = description.signature
        self.versions = {"h2o": served.version}
        self.sha256 = sha256
        self.name = name
        self.content = content
        self.description = description
        self._served = served

    def predict(self, columns: Columns) -> Predictions:
        """Score a batch as one frame."""
        found = self.description
        table = csv_of(columns, found.types)
        try:
            answer = self._served.score(self, table)
        except H2oError as error:
            raise ChildError(500, "predict", f"the H2O server says: {error}") from error
        except OSError as error:
            raise ChildError(503, "away", f"the H2O server does not answer: {error}") from error
        return predictions_of(answer, found.labels, len(columns[0]))


def _check_levels(client: RestClient, found: Description) -> None:
    """Refuse levels that do not come through the server's reader of CSV as they are: they would be missing to it."""
    for field, name, kind in zip(found.signature.inputs, found.columns, found.types, strict=False):
        if kind == "Enum" and field.enum:
            levels = [str(level) for level in field.enum]
            lost = sorted(set(levels) - set(_echoed(client, name, levels)))
            if lost:
                raise LoadError(
                    "unsupported-model",
                    f"an H2O server cannot be sent the level {lost[0]!r} of {name!r}; export the model as a MOJO",
                )


def _echoed(client: RestClient, name: str, levels: Sequence[str]) -> list[str]:
    """Return texts of one column as the server has read them."""
    column = make_column("string", levels)
    answer = client.echo(csv_of([column], ["Enum"]), (ROW_COLUMN, name), (ROW_TYPE, "Enum"))
    return [row[1] for row in rows_of(answer)]
