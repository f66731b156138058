"""Rows and columns: every fault, its place and order, skipping, ids, and that both ways of reading agree."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InputError
from gateway.schema import Batch, Field, Output, Signature
from gateway.validation import MAX_FAULTS, Source, Validator

FIELDS = (
    Field(name="n", minimum=-5, exclusive_maximum=100, missing=(0, "NA"), nullable=True),
    Field(name="i", type="integer", minimum=0, maximum=2**53, aliases=("I",)),
    Field(name="k", type="integer", enum=(1, 2, 28), unknown="missing"),
    Field(name="s", type="string", enum=("Young", "Older", "28"), missing=("?",)),
    Field(name="t", type="string", required=False, max_length=5),
    Field(name="b", type="boolean", default=True),
)
VALIDATOR = Validator(Signature(inputs=FIELDS, output=Output()), strict=True, id_fields=("ID", "id"))
GOOD = {"n": 1, "i": 2, "k": 28, "s": "Young", "t": "x", "b": False}


def faults(call: Any) -> list[tuple[str, str]]:
    """Return place and code of the faults that a call raises."""
    with pytest.raises(InputError) as error:
        call()
    return [(fault.at, fault.code) for fault in error.value.faults]


def test_all_faults_of_an_instance_at_once() -> None:
    """One answer names every bad field and every unknown name."""
    bad = {"n": 100, "i": -1, "k": "x", "s": "young", "t": "abcdef", "b": 0, "extra": 1, "_option": 1}
    found = faults(lambda: VALIDATOR.instance([Source("json", bad)]))
    assert found == [
        ("$.n", "exclusive-maximum"),
        ("$.i", "minimum"),
        ("$.k", "type"),
        ("$.s", "enum"),
        ("$.t", "max-length"),
        ("$.b", "type"),
        ("$.extra", "unknown-field"),
    ]


def test_places() -> None:
    """A fault names the parameter, the member, or the position in a list."""
    assert ("query.i", "type") in faults(lambda: VALIDATOR.instance([Source("query", {"i": "x"})]))
    rows = [GOOD, {**GOOD, "i": -1}]
    assert faults(lambda: VALIDATOR.rows(rows, text=False, at="$.instances")) == [("$.instances[1].i", "minimum")]
    line = [1, -1, 1, "Older", "x", True]
    assert faults(lambda: VALIDATOR.rows([line], text=False, at="$.data", single=True)) == [("$.data[1]", "minimum")]
    assert faults(lambda: VALIDATOR.rows([line], text=False, at="$.data")) == [("$.data[0][1]", "minimum")]
    odd = {**GOOD, "it's\n": 1}
    assert faults(lambda: VALIDATOR.rows([odd], text=False)) == [("$[0]['it\\'s\n']", "unknown-field")]


def test_arity_and_row_type() -> None:
    """A list of the wrong length, and what is neither list nor object, is one fault per row."""
    rows: list[Any] = [[1, 2], 5, "text", None]
    found = faults(lambda: VALIDATOR.rows(rows, text=False))
    assert found == [("$[0]", "arity"), *((f"$[{row}]", "instance-type") for row in (1, 2, 3))]


def test_aliases_and_repeats() -> None:
    """An alias works; two names, or a repeated key, for one field are faults even where JSON would win."""
    renamed = {name: value for name, value in GOOD.items() if name != "i"} | {"I": 9}
    assert VALIDATOR.instance([Source("json", renamed)]).columns[1].tolist() == [9]
    assert faults(lambda: VALIDATOR.rows([{**GOOD, "I": 9}], text=False)) == [("$[0].i", "alias")]
    sources = [Source("json", GOOD), Source("query", {"i": "1"}, frozenset({"i"}))]
    assert faults(lambda: VALIDATOR.instance(sources)) == [("query.i", "repeated")]


def test_unknown_names_are_ignored_when_not_strict() -> None:
    """Only strict JSON refuses unknown names; text never does."""
    relaxed = Validator(VALIDATOR.signature, strict=False)
    assert relaxed.rows([{**GOOD, "extra": 1}], text=False).size == 1
    text = {"i": "2", "k": "1", "n": "", "s": "28.0", "extra": "1"}
    batch = VALIDATOR.rows([text], text=True)
    assert [column.tolist()[0] for column in batch.columns[1:4]] == [2, 1, "28"]


def test_ids() -> None:
    """The first id name found is the row id; it must be a plain value."""
    assert VALIDATOR.rows([{**GOOD, "id": 7}, {**GOOD, "ID": "a"}], text=False).ids == [7, "a"]
    assert VALIDATOR.rows([GOOD], text=False).ids is None
    assert faults(lambda: VALIDATOR.rows([{**GOOD, "id": [1]}], text=False)) == [("$[0].id", "id")]


def test_the_first_hundred_faults_and_their_number() -> None:
    """A large bad batch lists a hundred faults and counts all."""
    with pytest.raises(InputError) as error:
        VALIDATOR.rows([{**GOOD, "i": -1, "n": 500}] * 1000, text=False)
    assert (len(error.value.faults), error.value.total) == (MAX_FAULTS, 2000)
    assert error.value.faults[-1].row == 49


def test_skipping_bad_rows() -> None:
    """The good rows stay in order, with the first fault of every other row."""
    rows: list[Any] = [GOOD, {**GOOD, "i": -1, "n": 500}, GOOD, 5, {**GOOD, "n": 3, "id": "z"}]
    partial = VALIDATOR.good_rows(rows, text=False)
    assert (list(partial.kept), partial.total) == ([0, 2, 4], 3)
    assert [(fault.row, fault.code) for fault in partial.faults] == [(1, "exclusive-maximum"), (3, "instance-type")]
    assert partial.batch.columns[0].tolist() == [1.0, 1.0, 3.0]
    assert partial.batch.ids == [None, None, "z"]


def test_header_faults_come_once() -> None:
    """A missing or doubled column is one fault, however many rows there are."""
    found = faults(lambda: VALIDATOR.columns(["n", "i", "I", "k", "k"], [["1"] * 1000] * 5))
    assert found == [("header.i", "alias"), ("header.k", "repeated"), ("header.s", "required")]


def test_an_all_number_batch_is_column_major() -> None:
    """Columns of numbers are contiguous, one row or many."""
    validator = Validator(Signature(inputs=(Field(name="a"), Field(name="b")), output=Output()), strict=True)
    batch = validator.rows([[1, 2], [3, 4.5]], text=False)
    assert [column.tolist() for column in batch.columns] == [[1.0, 3.0], [2.0, 4.5]]
    assert all(column.flags.c_contiguous and column.dtype == np.float64 for column in batch.columns)


ODD_CELLS = """
1 2 28 0 -5 99 100 NA ? Young older Older 28.0 28. true FALSE nan inf 1e999 1_0 3,5 abc 2.5 -0 ++1 0x1 1e15
9007199254740993 9007199254740992 99999999999999999999 \u0661 000000000000000000000000000007 abcdef
"""
BLANKS = ["", " ", " 1 ", f"{'':30}9007199254740992", "\x1c7", "\xa01", "a\0b", "\ud800"]
CELLS = st.one_of(
    st.sampled_from([*ODD_CELLS.split(), *BLANKS]),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=6),
)
TYPED = st.one_of(CELLS, st.none(), st.booleans(), st.integers(-3, 30), st.floats())
NAMES = [*(field.name for field in FIELDS), "other", "id"]


def outcome(call: Any) -> Any:
    """Return what a reading found in a form that can be compared: columns with types, or all faults."""
    try:
        batch: Batch = call()
    except InputError as error:
        return [repr(fault) for fault in error.faults], error.total
    return [(str(column.dtype), repr(column.tolist())) for column in batch.columns], repr(batch.ids), batch.size


@given(st.lists(st.tuples(*[st.one_of(CELLS, CELLS, TYPED) for _ in NAMES]), min_size=1, max_size=12))
def test_columns_agree_with_rows(table: list[tuple[Any, ...]]) -> None:
    """Reading by columns finds the same values, types and faults as reading by rows, skipping or not."""
    rows = [dict(zip(NAMES, row, strict=True)) for row in table]
    columns = [list(column) for column in zip(*table, strict=True)]
    assert outcome(lambda: VALIDATOR.columns(NAMES, columns)) == outcome(lambda: VALIDATOR.rows(rows, text=True))
    by_rows, by_columns = VALIDATOR.good_rows(rows, text=True), VALIDATOR.good_columns(NAMES, columns)
    assert list(by_columns.kept) == list(by_rows.kept)
    assert by_columns.total == by_rows.total
    assert list(map(repr, by_columns.faults)) == list(map(repr, by_rows.faults))
    assert outcome(lambda: by_columns.batch) == outcome(lambda: by_rows.batch)


@given(st.sampled_from(FIELDS), st.lists(CELLS, min_size=1, max_size=8))
def test_single_columns_agree_with_rows(field: Field, cells: list[str]) -> None:
    """The same for one field at a time, where good columns are more likely and arithmetic decides."""
    validator = Validator(Signature(inputs=(field,), output=Output()), strict=True)
    rows = [{field.name: cell} for cell in cells]
    assert outcome(lambda: validator.columns([field.name], [cells])) == outcome(lambda: validator.rows(rows, text=True))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-(10**400), 10**400), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=8,
)
KEYS = st.one_of(st.sampled_from([*NAMES, "I", "ID", "_x"]), st.text(max_size=3))


@given(st.lists(st.one_of(JSON, st.dictionaries(KEYS, JSON, max_size=8), st.lists(JSON, min_size=6, max_size=6))))
def test_arbitrary_json_raises_nothing_but_input_errors(rows: list[Any]) -> None:
    """Whatever the rows are, the outcome is a batch or an InputError whose faults are valid UTF-8 and finite."""
    for text in (False, True):
        try:
            VALIDATOR.rows(rows, text=text)
        except InputError as error:
            assert 1 <= len(error.faults) <= MAX_FAULTS
            for fault in error.faults:
                f"{fault.at}{fault.message}{fault.hint}{fault.got}".encode()
                assert not (isinstance(fault.got, float) and not math.isfinite(fault.got))
        VALIDATOR.good_rows(rows, text=text)


@given(st.dictionaries(KEYS, JSON, max_size=8), st.dictionaries(KEYS, st.text(max_size=8), max_size=8))
def test_arbitrary_sources_raise_nothing_but_input_errors(values: dict[str, Any], query: dict[str, str]) -> None:
    """The same for one instance from several sources."""
    try:
        VALIDATOR.instance([Source("json", values), Source("query", query, frozenset(list(query)[:1]))])
    except InputError as error:
        assert error.total >= 1


def test_an_instance_that_names_no_field_is_refused_although_gaps_are_allowed() -> None:
    """A model that takes missing values would answer `?qurey=x` plausibly; an explicit null or a default is an answer."""
    gaps = Signature(inputs=(Field(name="a", required=False, nullable=True),), output=Output())
    validator = Validator(gaps, strict=False)
    for sources in ([], [Source("query", {"b": "1"})], [Source("json", {})]):
        with pytest.raises(InputError) as caught:
            validator.instance(sources)
        assert [fault.code for fault in caught.value.faults] == ["no-input"]
    with pytest.raises(InputError):
        validator.columns(["b"], [["1"]])
    assert math.isnan(validator.instance([Source("json", {"a": None})]).columns[0][0])
    filled = Signature(inputs=(Field(name="a", required=False, default=2.0),), output=Output())
    assert Validator(filled, strict=True).instance([]).columns[0].tolist() == [2.0]
