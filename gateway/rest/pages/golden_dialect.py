"""The dialect that asks the golden rows of a route again: the artifact's own rows, compared as preparing does it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.artifacts import golden_rows
from gateway.artifacts.golden_rows import Compared
from gateway.artifacts.manifest import GoldenResult
from gateway.console.golden_table import MOST_ROWS, golden_path
from gateway.registry.contract import Contract
from gateway.rest.errors import RequestError
from gateway.rest.predict.intake import Intake
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions


class GoldenDialect:
    """Read no body, but the first golden rows; `compared` holds the values of each row afterwards."""

    __slots__ = ("_expected", "_result", "compared")

    explains = False

    _expected: Sequence[Mapping[str, Any]]
    _result: GoldenResult

    def __init__(self) -> None:
        self.compared: Sequence[Sequence[Compared]] = ()

    def read(self, request: Intake, contract: Contract) -> Batch:
        """Return the rows as the artifact takes them; raises RequestError where there are none."""
        manifest = request.route.manifest
        path, result = golden_path(manifest), manifest.golden
        if path is None or result is None:
            raise RequestError(
                f"route {request.route.spec.path} has no golden rows that can be asked again",
                code="no-golden-rows",
                hint="put a golden.json beside the artifact (docs/golden.md)",
            )
        self._result = result
        return request.in_thread(self._read, path)

    def _read(self, path: Path) -> Batch:
        batch = golden_rows.read(path, self._result.signature, MOST_ROWS)
        self._expected = golden_rows.document(path)["predictions"][: batch.size]
        return batch

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Keep the comparison; the page, or its script, shows it."""
        self.compared = [
            list(golden_rows.compare(one, predictions, row, self._result.output, route.spec.tolerance))
            for row, one in enumerate(self._expected)
        ]
        return Response()
