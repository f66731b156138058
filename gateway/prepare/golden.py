"""Self-test of a model: its golden rows are scored again whenever it is prepared."""

from pathlib import Path

from gateway.artifacts import golden_rows
from gateway.artifacts.manifest import GoldenResult
from gateway.errors import LoadError
from gateway.schema import Predictor


def check(path: Path, predictor: Predictor, tolerance: float | None = None) -> GoldenResult:
    """
    Score the golden rows and compare; raises LoadError "golden-mismatch" with the first row that differs.

    `tolerance` replaces the absolute part of the allowed difference.
    """
    expected = golden_rows.document(path)["predictions"]
    signature = predictor.signature
    predictions = predictor.predict(golden_rows.read(path, signature).columns)
    worst = 0.0
    for row, one in enumerate(expected):
        try:
            compared = list(golden_rows.compare(one, predictions, row, signature.output, tolerance))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            why = f"prediction {row} is none of a {signature.output.kind}: {error}"
            raise golden_rows.broken(path, why) from error
        for value in compared:
            if not value.is_equal:
                raise LoadError(
                    f"golden row {row} of {path.name} fails: {value.name}: expected {value.expected!r}, "
                    f"got {value.found!r}",
                    code="golden-mismatch",
                    hint="the artifact or a library changed its answers; retrain, or publish new golden rows",
                )
            worst = max(worst, value.difference)
    return GoldenResult(
        rows=len(expected),
        max_difference=worst,
        columns=tuple((field.name, field.column_type) for field in signature.inputs),
        names_known=signature.names_known,
        output=signature.output,
    )
