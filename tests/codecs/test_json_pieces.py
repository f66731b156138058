"""Long JSON arrays, decoded piece by piece: the same value, or the same fault, as in one go."""

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.codecs import json_pieces
from gateway.codecs.chunks import ReadLimits
from gateway.codecs.json import parse
from gateway.errors import InputError, TooLargeError

#: Values in which a cut may go wrong: brackets, commas and quotes inside texts, nested lists and objects.
ODD = [
    "},{",
    "],[",
    '\\"},{"a":1',
    "\\\\",
    [[{}], [], [[1]]],
    {"a": [{"b": 1}, {"b": 2}]},
    None,
    1.5,
    "",
    "ü漢",
    '"',
    [1, 2],
]
#: Where the long list may stand in a body.
HEADS = [
    "{}",
    '{{"instances": {}}}',
    ' {{ "data" : {} , "_x": [1]}}',
    '{{"x": 1, "data": {}}}',
    '{{"inputs": [{{"name": "a", "shape": [1, 2], "data": {}}}, {{"data": [1, 2]}}]}}',
    '{{"inputs": [{{"data": [1]}}, {{"name": "\\"data\\":[1,2", "data": {}}}], "id": "x"}}',
    '{{"dataframe_split": {{"columns": ["a"], "data": {}}}}}',
    '{{"data": [[1], {}, 2]}}',
]
MAKERS: list[Callable[[random.Random], Any]] = [
    lambda probability: {"a": probability.random(), "b": probability.choice(ODD)},
    lambda probability: [probability.choice(ODD), probability.random()],
    lambda probability: probability.choice(ODD),
    lambda probability: probability.randint(0, 9),
    lambda probability: [],
]


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every few hundred bytes."""
    monkeypatch.setattr(json_pieces, "PIECE", 300)


@pytest.mark.parametrize("maker", range(len(MAKERS)))
@pytest.mark.parametrize("head", HEADS)
def test_the_value_is_that_of_the_whole(maker: int, head: str) -> None:
    """Whatever the elements hold, the pieces make the same value."""
    probability = random.Random(f"{maker} {head}")
    for _ in range(30):
        rows = [MAKERS[maker](probability) for _ in range(probability.randint(1, 200))]
        body = head.format(json.dumps(rows, ensure_ascii=False, indent=probability.choice([None, None, 1]))).encode()
        assert json_pieces.decode(body, int) == json.loads(body)


@pytest.mark.parametrize("element", ["{},", "[],", "1,", '{"a":1},'])
@pytest.mark.parametrize(
    "end", ["]", "1]", ",1]", "{}", "{}]]", "[}]", "{}] 1", "{},{},]", " ,{}]", "\x01]", '"]', "{" * 9_000, "[" * 9_000]
)
@pytest.mark.parametrize("start", ["[", '{"inputs":[{"name":"a","data":['])
def test_a_broken_end_is_the_same_fault(element: str, end: str, start: str) -> None:
    """What is wrong behind the last cut is told as the decoder tells it of the whole."""
    body = (start + element * 500 + end).encode()
    try:
        whole = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        with pytest.raises(type(error)) as refused:
            json_pieces.decode(body, int)
        assert str(refused.value) == str(error)
    else:
        assert json_pieces.decode(body, int) == whole


def test_a_broken_middle_is_the_same_fault() -> None:
    """A fault in any place of an array is found, with its place."""
    good = b'{"a":1},' * 200
    for middle in (b",", b" ,", b"{},,", b'{"a":},', b"],", b"},", b'"', b"{]},"):
        body = b"[" + good + middle + good + b"{}]"
        with pytest.raises(msgspec.DecodeError) as whole:
            msgspec.json.decode(body)
        with pytest.raises(msgspec.DecodeError) as pieces:
            json_pieces.decode(body, int)
        assert str(pieces.value) == str(whole.value)


@pytest.mark.parametrize("head", ["{}", *HEADS[1:5]])
def test_no_call_of_the_decoder_is_long(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder never has more than some pieces at a time, wherever the long list stands."""
    sizes: list[int] = []

    def decode(part: bytes) -> Any:
        sizes.append(len(part))
        return msgspec.json.decode(part)

    monkeypatch.setattr(json_pieces, "_decode", decode)
    body = head.format(json.dumps(list(range(5_000)))).encode()
    assert json_pieces.decode(body, int) == json.loads(body)
    assert len(sizes) > 50
    assert max(sizes) < 1_000


def test_a_name_twice_is_refused() -> None:
    """A second list of the same name does not replace the first one."""
    rows = ",".join(['{"a":1}'] * 200)
    with pytest.raises(InputError, match="twice"):
        parse(f'{{"data":[{rows}],"data":[{rows}]}}'.encode())


def test_too_many_rows_are_refused_before_they_are_decoded() -> None:
    """The decoder stops at the first piece beyond the limit."""
    counts: list[int] = []

    def check(rows: int) -> None:
        counts.append(rows)
        ReadLimits(max_rows=1_000).check(rows)

    with pytest.raises(TooLargeError, match="more than 1000 rows"):
        parse(b"[" + b"{}," * 1_000_000 + b"{}]", check)
    assert counts[-1] < 1_200


def test_values_of_one_instance_are_no_rows() -> None:
    """A list of bare values may be one wide instance: how many there are is for others to judge."""
    body = b'{"data": [' + b"1," * 5_000 + b"1]}"
    assert parse(body, ReadLimits(max_rows=10).check) == {"data": [1] * 5_001}
