"""Published answers are re-scored: one that differs beyond tolerance fails the model and is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.artifacts import golden_rows
from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.prepare import golden
from gateway.schema import Predictor

CLASSES = {"kind": "classification", "labels": ["no", "yes"], "probabilities": True}


def stub(folder: Path, **script: Any) -> Predictor:
    """Return a predictor of a stub."""
    path = folder / "m.stub"
    path.write_text(json.dumps({"inputs": ["a", "b"], **script}))
    return get_loader("stub").load(path, LoadOptions())


def rows(folder: Path, *pairs: tuple[dict[str, Any], dict[str, Any]], **changes: Any) -> Path:
    """Write golden rows."""
    document = {"version": 1, "instances": [i for i, _ in pairs], "predictions": [p for _, p in pairs], **changes}
    path = folder / "golden.json"
    path.write_text(json.dumps(document))
    return path


def test_equal_answers_pass(tmp_path: Path) -> None:
    """Rows that repeat pass, and the largest difference is recorded."""
    path = rows(tmp_path, ({"a": 1, "b": 2}, {"value": 3.0}), ({"a": 2, "b": 2}, {"value": 4.0 + 1e-7}))
    result = golden.check(path, stub(tmp_path))
    assert result.rows == 2
    assert result.max_difference == pytest.approx(1e-7, rel=1e-3)


def test_first_row_that_differs_is_named(tmp_path: Path) -> None:
    """The fault names row, expected and found value."""
    path = rows(tmp_path, ({"a": 1, "b": 2}, {"value": 3.0}), ({"a": 2, "b": 2}, {"value": 4.1}))
    with pytest.raises(LoadError, match=r"golden row 1 .*expected 4\.1, got 4\.0") as error:
        golden.check(path, stub(tmp_path))
    assert error.value.code == "golden-mismatch"
    assert error.value.hint


@pytest.mark.parametrize(("off", "passes"), [(1e-6, True), (4e-5, True), (6e-5, False), (1e-3, False)])
def test_default_tolerance(tmp_path: Path, off: float, passes: bool) -> None:
    """Allowed is 1e-6 + 1e-5 of the expected value: float32 repeats to that on other processors."""
    path = rows(tmp_path, ({"a": 2, "b": 2}, {"value": 4.0 + off}))
    if passes:
        golden.check(path, stub(tmp_path))
    else:
        with pytest.raises(LoadError):
            golden.check(path, stub(tmp_path))


def test_tolerance_of_the_route(tmp_path: Path) -> None:
    """`tolerance` allows more, where the owner says so."""
    path = rows(tmp_path, ({"a": 2, "b": 2}, {"value": 4.4}))
    golden.check(path, stub(tmp_path), tolerance=0.5)
    with pytest.raises(LoadError):
        golden.check(path, stub(tmp_path), tolerance=0.3)


def test_labels_and_probabilities(tmp_path: Path) -> None:
    """A label must be equal; probabilities are compared by name, in any order."""
    predictor = stub(tmp_path, output=CLASSES, answer="yes")
    row = {"a": 1, "b": 1}
    golden.check(rows(tmp_path, (row, {"label": "yes", "probabilities": {"yes": 1.0, "no": 0.0}})), predictor)
    with pytest.raises(LoadError, match="label: expected 'no'"):
        golden.check(rows(tmp_path, (row, {"label": "no"})), predictor)
    with pytest.raises(LoadError, match="probability of 'no'"):
        golden.check(rows(tmp_path, (row, {"label": "yes", "probabilities": {"no": 0.2}})), predictor)
    with pytest.raises(LoadError, match="maybe"):
        golden.check(rows(tmp_path, (row, {"label": "yes", "probabilities": {"maybe": 0.2}})), predictor)


def test_probabilities_that_are_not_there(tmp_path: Path) -> None:
    """Rows that state probabilities fail a model that answers none."""
    predictor = stub(tmp_path, output={**CLASSES, "probabilities": False}, answer="yes")
    with pytest.raises(LoadError, match="probabilities"):
        golden.check(rows(tmp_path, ({"a": 1, "b": 1}, {"label": "yes", "probabilities": {"yes": 1.0}})), predictor)


def test_nan_is_never_equal(tmp_path: Path) -> None:
    """A model that answers NaN fails rows that expect a number: a comparison with NaN must not pass by accident."""
    path = rows(tmp_path, ({"a": None, "b": 2}, {"value": 2.0}))
    with pytest.raises(LoadError, match="nan"):
        golden.check(path, stub(tmp_path))


def test_missing_is_null(tmp_path: Path) -> None:
    """null, or a field that is left out, reaches the model as a missing value."""
    path = rows(tmp_path, ({"a": None}, {"value": 7.0}))
    batch = golden_rows.read(path, stub(tmp_path).signature)
    assert [column[0] != column[0] for column in batch.columns] == [True, True]
    golden.check(path, stub(tmp_path, answer=7))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 2, "instances": [{"a": 1}], "predictions": [{"value": 1}]}',
        '{"version": 1}',
        '{"version": 1, "instances": [], "predictions": []}',
        '{"version": 1, "instances": [{"a": 1}], "predictions": []}',
        '{"version": 1, "instances": {"a": 1}, "predictions": [1]}',
        '{"version": 1, "instances": [{"a": "x", "b": 1}], "predictions": [{"value": 1}]}',
        '{"version": 1, "instances": [[1, 2]], "predictions": [{"value": 1}]}',
        '{"version": 1, "instances": [{"a": 1, "b": 1}], "predictions": [3]}',
        '{"version": 1, "instances": [{"a": 1, "b": 1}], "predictions": [{"value": "high"}]}',
    ],
)
def test_broken_file(tmp_path: Path, text: str) -> None:
    """A file that is not golden rows fails the route as that, never with an exception of its own."""
    path = tmp_path / "golden.json"
    path.write_text(text)
    with pytest.raises(LoadError) as error:
        golden.check(path, stub(tmp_path))
    assert error.value.code in ("golden-broken", "golden-mismatch")
    assert error.value.hint


def test_rows_that_state_nothing(tmp_path: Path) -> None:
    """A prediction without anything to compare proves nothing, and says so instead of passing."""
    path = rows(tmp_path, ({"a": 1, "b": 2}, {"lable": "yes"}))
    with pytest.raises(LoadError) as error:
        golden.check(path, stub(tmp_path))
    assert error.value.code == "golden-broken"


@pytest.mark.parametrize(
    "nothing", [{"probabilities": {}}, {"probabilities": None}, {"value": [3.0, 4.0]}, {"value": []}]
)
def test_a_row_that_states_nothing_accepts_nothing(tmp_path: Path, nothing: dict[str, Any]) -> None:
    """No row passes without a comparison: neither an empty statement nor one about other outputs."""
    path = rows(tmp_path, ({"a": 1, "b": 2}, nothing))
    with pytest.raises(LoadError) as error:
        golden.check(path, stub(tmp_path))
    assert error.value.code == "golden-mismatch"


def test_shorter_lists_differ(tmp_path: Path) -> None:
    """A list of fewer values than the model answers is another answer."""
    several = stub(tmp_path, output={"kind": "json"}, answer=[1.0, 2.0])
    golden.check(rows(tmp_path, ({"a": 1, "b": 2}, {"value": [1.0, 2.0]})), several)
    with pytest.raises(LoadError, match="length of value: expected 1, got 2"):
        golden.check(rows(tmp_path, ({"a": 1, "b": 2}, {"value": [1.0]})), several)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"version": 1, "instances": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"version": 1, "instances": [{"a": NaN}]}', r"NaN is not JSON, a missing value is null \(byte 35\)"),
        (b'{"version": 1, "instances": [{"a": -Infinity}]}', "Infinity is not JSON"),
        ('{"version": 1}'.encode("utf-16"), "save it as UTF-8"),
        (b'{"version": 1, "instances": [{"a": 1, "b": 2}], "predictions": [{"label": "yes"}]}', "none of a regression"),
        (b'{"version": 1, "instances": [{"a": 1, "b": 2}], "predictions": [{"value": 3}, 4]}', "1 instances, but 2"),
    ],
)
def test_what_is_no_golden_rows_is_told(tmp_path: Path, data: bytes, why: str) -> None:
    """Files of other programs and of nobody: by name and place, never as a fault of the model."""
    path = tmp_path / "golden.json"
    path.write_bytes(data)
    with pytest.raises(LoadError, match=why) as error:
        golden.check(path, stub(tmp_path))
    assert error.value.code == "golden-broken"


def test_a_mark_of_windows_is_no_fault(tmp_path: Path) -> None:
    """Editors of Windows put a byte order mark in front of UTF-8."""
    path = rows(tmp_path, ({"a": 1, "b": 2}, {"value": 3.0}))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert golden.check(path, stub(tmp_path)).rows == 1
