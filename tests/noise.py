"""
Bodies nobody should send: noise, texts that look like a format, damaged good files, good files with odd cells.

Knows what the formats look like, states no law. A `Tally` says what became of them.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_formats import write_csv
from odd_files import ODD_TYPES, Table, mutated, parquet, xlsx

#: Nothing that is refused or read within its limits takes longer, even on a machine with five times the work it can do.
HANG_S = 30.0
ROUND = 1_000


class Tally:
    """Count inputs by what became of them, and remember the slowest."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.slowest_s = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of one input; one that takes too long fails."""
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.slowest_s = max(self.slowest_s, taken)
        assert taken < HANG_S, f"{taken:.1f} s for one input"

    def __str__(self) -> str:
        parts = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.most_common())
        return f"{self.kinds.total():,} inputs, the slowest {self.slowest_s * 1e3:.0f} ms: {parts}"


def attack(strategy: st.SearchStrategy[Any], examples: int, survive: Callable[[Any], str]) -> Tally:
    """
    Try so many inputs, others in every run; `survive` says what became of one, or raises.

    In rounds, because what hypothesis remembers of a run makes it slower and slower; inputs differ within a round.
    """
    tally = Tally()

    def one(made: Any) -> None:
        with tally.timed():
            kind = survive(made)
        tally.kinds[kind] += 1

    while (left := examples - tally.kinds.total()) > 0:
        limits = settings(
            max_examples=min(left, ROUND),
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        limits(given(strategy)(one))()
    return tally


def strict(text: str | bytes) -> Any:
    """Read JSON that holds no raw NaN and no raw infinity."""

    def raw(word: str) -> None:
        raise AssertionError(f"raw {word} in an answer")

    return json.loads(text, parse_constant=raw)


MUTATIONS = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["flip", "drop", "twice", "text"]), st.binary(max_size=6)),
    max_size=6,
)


LETTERS = st.text(st.sampled_from('ab1,;\t|"\'\r\n=\0\ufeffé{}[]:"0.5e-'), max_size=80).map(str.encode)
ODD: list[Any] = [None, True, "", " ", "NaN", "nan", "-inf", "1e999", "0x1", "1_0", "٣", "=1+1", "a\0b", "żółć 🙂", "a\nb", 'a"b', "5;5",
       math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324, 2**53 + 1, 2**63, -(2**64), 10**400, -1, 0, 0.1, 28, "28.0",
       "x" * 3_000, [], [1], {}, {"a": [None]}, [[[]]], "1900-02-29", "-1 day, 0:00:00"]  # fmt: skip
CELLS = st.one_of(st.sampled_from(ODD), st.text(max_size=6), st.integers(), st.floats())


def tables(names: Sequence[str], row: Sequence[Any]) -> st.SearchStrategy[Table]:
    """Make up tables of one to three rows near a good row: cells, names, order and number of columns may be off."""
    mixed = st.tuples(*[st.one_of(st.just(good), st.just(good), st.just(good), CELLS) for good in row]).map(list)
    cells = st.one_of(st.just(list(row)), mixed)
    headers = st.one_of(
        st.just(list(names)),
        st.just(list(names)),
        st.permutations(names),
        st.lists(st.sampled_from([*names, "other", "", "_x"]), min_size=len(names), max_size=len(names)),
    )
    return st.tuples(headers, st.lists(cells, min_size=1, max_size=3))


def dumped(value: Any) -> bytes:
    """Write JSON as careless clients do, with raw NaN."""
    return json.dumps(value).encode()


def _records(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table[0], row, strict=True)) for row in table[1]]


#: How each dialect of JSON writes a table.
_JSON: list[Callable[[Table], Any]] = [
    lambda table: _records(table)[0],
    _records,
    lambda table: table[1],
    lambda table: {"instances": _records(table)},
    lambda table: {"data": table[1][0]},
    lambda table: {"data": table[1], "_on_error": "skip"},
]
_MLFLOW: list[Callable[[Table], Any]] = [
    lambda table: {"dataframe_split": {"columns": table[0], "data": table[1]}},
    lambda table: {"dataframe_records": _records(table), "params": {"a": math.nan}},
    lambda table: {"instances": table[1]},
    lambda table: {"inputs": dict(zip(table[0], zip(*table[1], strict=True), strict=True))},
    lambda table: {"inputs": _records(table)[0], "instances": []},
]
ANYTHING = st.recursive(
    CELLS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "id", "binary_data_size", "columns",
         "dataframe_split", "dataframe_records", "instances", "params", "_on_error", "a"]), inner, max_size=5),
    max_leaves=10,
)  # fmt: skip


def _tensors(table: Table, types: list[str], one: bool) -> Any:
    names, rows = table
    if one:
        return {"inputs": [{"name": "rows", "shape": [len(rows), len(names)], "datatype": types[0], "data": rows}]}
    columns = zip(names, types, zip(*rows, strict=True), strict=False)
    return {
        "id": "1",
        "inputs": [{"name": n, "shape": [len(rows)], "datatype": kind, "data": list(c)} for n, kind, c in columns],
    }


DATATYPES = ["FP64", "FP64", "FP32", "INT64", "UINT8", "BOOL", "BYTES", "BF16", "FP128"]
SHAPES = st.lists(st.one_of(st.integers(0, 4), st.sampled_from([-1, 2**40, 2**63, 10**3000, None, 1.0])), max_size=4)
TENSOR = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "rows", ""]), "shape": SHAPES, "datatype": st.sampled_from(DATATYPES)},
    optional={
        "data": ANYTHING,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.sampled_from([0, 1, 4, 8, 16, -1, 2**70, "8"])}),
    },
)


def v2(names: Sequence[str], row: Sequence[Any]) -> st.SearchStrategy[tuple[bytes, int | None]]:
    """Make up inference requests: bodies, and the length of the JSON in front of raw tensors (None: all is JSON)."""
    right = [{int: "INT64", float: "FP64", bool: "BOOL"}.get(type(value), "BYTES") for value in row]
    types = st.one_of(st.just(right), st.lists(st.sampled_from(DATATYPES), min_size=len(row), max_size=len(row)))
    heads = st.one_of(
        st.builds(_tensors, tables(names, row), types, st.booleans()),
        st.fixed_dictionaries(
            {"inputs": st.lists(TENSOR, max_size=3)}, optional={"outputs": ANYTHING, "parameters": ANYTHING}
        ),
    ).map(dumped)
    whole = st.tuples(heads, MUTATIONS.map(lambda some: some[:1])).map(lambda pair: (mutated(*pair), None))
    raw = st.tuples(heads, st.binary(max_size=20)).map(lambda pair: (pair[0] + pair[1], len(pair[0])))
    return st.one_of(whole, raw, st.tuples(st.binary(max_size=40), st.sampled_from([None, 0, 3, 10**6])))


def bodies(kind: str, names: Sequence[str], row: Sequence[Any]) -> st.SearchStrategy[bytes]:
    """Make up bodies that claim to be of a format, near a good row of a model."""
    near = tables(names, row)
    damage: st.SearchStrategy[Any] = st.one_of(st.just([]), MUTATIONS)
    some = st.one_of(st.binary(max_size=200), LETTERS)
    whole: st.SearchStrategy[bytes]
    if kind == "csv":
        marks = st.sampled_from([",", ";", "\t", "|"])
        written = st.builds(lambda table, mark: write_csv(table[1], table[0], delimiter=mark), near, marks)
        whole = st.builds(mutated, written, damage)
    elif kind == "ndjson":
        lines = near.map(lambda table: b"\n".join(dumped(one) for one in (*_records(table), table[1][0])))
        whole = st.builds(mutated, lines, damage)
    elif kind == "xlsx":
        book = st.builds(xlsx, near, st.integers(0, 4), damage)
        whole = st.one_of(book, book, st.builds(mutated, book, MUTATIONS))
    elif kind == "parquet":
        picks = st.one_of(
            st.just([ODD_TYPES] * len(row)),
            st.lists(st.integers(0, ODD_TYPES * 3), min_size=len(row), max_size=len(row)),
        )
        whole = st.builds(parquet, near, picks, damage)
    elif kind == "positional":
        line = near.map(lambda table: ", ".join(str(cell)[:200] for cell in table[1][0]).encode())
        whole = st.builds(mutated, line, damage)
    else:
        dialects = _JSON if kind == "json" else _MLFLOW
        value = st.tuples(near, st.sampled_from(dialects)).map(lambda pair: pair[1](pair[0]))
        whole = st.builds(mutated, st.one_of(value, value, ANYTHING).map(dumped), damage)
    return st.one_of(some, whole, whole, whole, whole)
