"""What a JSON text is said to take, beside what it takes; and its rows, counted without decoding it."""

import json
import sys
import tracemalloc
from typing import Any

import msgspec
import pytest

from gateway.codecs import json_size
from gateway.codecs.json_size import count, count_rows, weigh

N = 4_000
#: Values that take much, little, and what batches are made of.
VALUES: dict[str, Any] = {
    "empty objects": [{}] * N,
    "empty lists": [[]] * N,
    "objects of one": [{"": 0}] * N,
    "objects of ten": [{f"field{n}": 1.5 * n for n in range(10)}] * (N // 10),
    "lists of ten": [[0.125 * n for n in range(10)]] * (N // 10),
    "digits": [[1] * 100] * (N // 100),
    "short texts": [["ab"] * 100] * (N // 100),
    "numbers": [1000 + n for n in range(N)],
    "long numbers": [10**18 + n for n in range(N)],
    "one text": {"a": "x" * N * 10},
    "one wide text": {"a": "\U0001f600" * N},
    "one escaped text": {"a": "\U0001f600" + "a" * N * 10},
    "latin": [["é"] * 100] * (N // 100),
    "deep": [[[[[]]]]] * N,
    "nulls": [None] * N,
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("spaces", [None, (", ", ": ")])
def test_no_json_takes_more_than_its_weight(name: str, ascii_only: bool, spaces: tuple[str, str] | None) -> None:
    """The weight is a bound, whatever the values are and however they are written, and never forty times too large."""
    text = json.dumps(VALUES[name], separators=spaces or (",", ":"), ensure_ascii=ascii_only).encode()
    msgspec.json.decode(text)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    value = msgspec.json.decode(text)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert sys.getsizeof(value) < taken + 1000
    assert taken <= weigh(text) <= 40 * taken


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("[{}, {}, {}]", 3),
        ('[{"a": "}{[]", "b": [[], {}]}, {"a": "\\\\"}, {"a": "\\"{"}]', 3),
        (' {"data": [[1, 2], [3, 4]]}', 2),
        ('{"instances": [{"a": 1}, {"a": 2}, {"a": 3}]}', 3),
        ('{"data": [1, 2, 3]}', 0),
        ('{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4], [5, 6]]}}', 3),
        ('{"dataframe_records": [{"a": {}}]}', 1),
        ('{"a": [{}, {}, {}]}', 0),
        ('"[{}]"', 0),
        ("", 0),
    ],
)
def test_rows_are_counted_from_outside(text: str, rows: int) -> None:
    """Brackets inside texts and deeper values are no rows; an object of fields has none."""
    assert count_rows(text.encode()) == rows


def test_rows_are_counted_across_blocks() -> None:
    """A text of several megabytes is counted as a short one is, wherever a block ends."""
    rows = [{"a": 'x"\\' * (n % 7), "b": [n, {}]} for n in range(100_000)]
    assert count_rows(json.dumps(rows).encode()) == 100_000


@pytest.mark.parametrize("size", range(1, 9))
def test_where_a_block_ends_changes_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backslashes, quotes and parts that lie across two blocks are seen as within one."""
    rows = [{"a": "\\" * n + '"]' + "\\" * (n % 3), "b": [n, {}]} for n in range(20)]
    text = json.dumps(rows).encode()
    monkeypatch.setattr(json_size, "_BLOCK", size)
    monkeypatch.setattr(json_size, "_PIECE", size)
    assert count_rows(text) == 20
    assert {part: count(text, part) for part in (b'":', b'\\":', b"{", b"\\u")} == {
        part: text.count(part) for part in (b'":', b'\\":', b"{", b"\\u")
    }
