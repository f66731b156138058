"""`gateway describe` tells whether answers are explained, and which fields count most."""

from gateway.artifacts.manifest import ExplanationReport
from gateway.cli.explanation_text import explained


def test_nothing_is_said_of_what_was_not_prepared() -> None:
    """No route with the artifact: no line."""
    assert explained(None) == []


def test_a_reason_and_what_could_be_explained() -> None:
    """What stands in the way, then the way out."""
    found = explained(ExplanationReport(reason="Python code says nothing", instead="serve the model"))
    assert found == ["explained no: Python code says nothing", "          serve the model"]


def test_scale_label_and_the_fields_that_count_most() -> None:
    """The largest five by name, the others by their number."""
    report = ExplanationReport(
        scale="log-odds", of="label", label="yes", rows=444, max_error=4.5e-7, row_s=0.0009,
        importance={name: float(i) for i, name in enumerate("abcdefg")}, importance_of="golden rows", importance_rows=12,
    )  # fmt: skip
    assert explained(report) == [
        "explained yes: the label yes, in parts on the scale log-odds; 444 rows add up within 4e-07 (900 us a row)",
        "          mean part by field over 12 golden rows: g 6, f 5, e 4, d 3, c 2, and 2 more",
    ]
