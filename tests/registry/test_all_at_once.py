"""A fault hides no other fault: whatever stops a reader, the rest of the file is judged in the same run."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.errors import RegistryError
from gateway.registry.document import parse
from gateway.registry.load import load_registry
from gateway.registry.parse import parse_registry

ERRORS = Path(__file__).parent / "errors"
TOGETHER = ERRORS / "together"

#: What a reader may stop at, as lines of the top level.
STOPS = {
    "duplicate key": b"zz: 1\nzz: 2\n",
    "duplicate table": b"server: {}\nserver: {}\n",
    "key that is a list": b"? [zz, zy]\n: 1\n",
    "key that is a template": b"{{ zz }}: 1\n",
    "merge key": b"<<: {zz: 1}\n",
    "tag": b"zz: !include other.yaml\n",
    "alias of nothing": b"zz: *nothing\n",
    "merged alias of nothing": b"zz: {<<: *nothing}\n",
    "alias inside of its anchor": b"zz: &zz [*zz]\n",
    "anchor that is defined twice": b"zz: &zz 1\nzy: &zz 2\n",
    "tag without a handle": b"zz: !e!zz 1\n",
    "character that begins nothing": b"zz: @zz\n",
    "escape that is none": b'zz: "\\q"\n',
    "colon in a text": b"zz: a: b\n",
    "line without a colon": b"zz\nzy: 1\n",
    "bracket that is left open": b"zz: [1\n",
    "brace that is left open": b"zz: {a: 1\n",
    "line that is indented too little": b"zz:\n    a: 1\n  b: 1\n",
    "tab": b"zz:\n\ta: 1\n",
    "byte of Latin-1": b"zz: \xe9\n",
    "control character": b"zz: \x07\n",
}
#: At the end of a file only: what follows belongs to it.
LAST = {
    "quote that is left open": b"zz: 'zz\n",
    "second document": b"---\nversion: 1\n",
    "text after the end": b"...\nzz: 1\n",
}
#: Pairs that are no table of the top level, or beyond a limit that ends the reading.
ALONE = {"empty-registry", "not-a-mapping", "too-deep", "too-many-values", "unreadable-file"}
PAIRS = sorted(path.stem for path in ERRORS.glob("*.yaml") if path.stem not in ALONE)


class Fault(NamedTuple):
    """Hold what a report says of a fault; numbers of lines in the text are left out."""

    line: int
    column: int
    text: str


def faults_of(data: bytes) -> set[Fault]:
    """Return every fault of a registry in the folder of the golden pairs."""
    try:
        parse_registry(parse(data, "x"), ERRORS, files=True)
    except RegistryError as error:
        found = re.findall(r"^x(?::(\d+):(\d+))?: (.+)$", error.text, re.MULTILINE)
        return {
            Fault(int(line or 0), int(column or 0), re.sub(r"line \d+", "line", text)) for line, column, text in found
        }
    return set()


def moved(faults: set[Fault], lines: int) -> set[Fault]:
    """Return the faults as they stand so many lines further down."""
    return {fault._replace(line=fault.line and fault.line + lines) for fault in faults}


def named_apart(stops: dict[str, bytes]) -> bytes:
    """Return all stops, one behind the other, each with names of its own."""
    return b"".join(re.sub(rb"z(?=[zy])", b"z%d" % at, stop) for at, stop in enumerate(stops.values()))


@pytest.mark.parametrize("code", PAIRS)
def test_no_fault_is_hidden_by_what_stands_around_it(code: str) -> None:
    """Each golden pair between all stops at once: its report is still all there."""
    data = (ERRORS / f"{code}.yaml").read_bytes()
    # That a key of the top level is missing is not sure where lines of the top level cannot be read.
    alone = {fault for fault in faults_of(data) if "[missing-" not in fault.text or fault.line}
    stops = named_apart(STOPS)
    assert alone <= faults_of(data + stops)
    assert moved(alone, stops.count(b"\n")) <= faults_of(stops + data)


#: One fault of each stage: structure, keys, paths, loaders, rules, files.
FAULTY = b"""\
version: 1
routes:
  /a: {artifact: sample.onnx, lod: lazy}
  /b c: sample.onnx
  /d: sample.h5
  /e: {artifact: absent.onnx, inputs: {age: {minimum: 2, maximum: 1, default: x}}}
  /f: {artifact: sample.onnx, inputs: {}, inputs: {age: {minLength: -1}}}
"""


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_hides_nothing_and_is_named(stop: str) -> None:
    """Before a faulty registry and behind it."""
    alone = faults_of(FAULTY)
    assert len(alone) == 8
    for data, lines in ((FAULTY + STOPS[stop], 0), (STOPS[stop] + FAULTY, STOPS[stop].count(b"\n"))):
        together = faults_of(data)
        assert moved(alone, lines) < together


@pytest.mark.parametrize("stop", LAST)
def test_the_end_of_a_file_hides_nothing(stop: str) -> None:
    """What cannot be followed by anything is named beside all that precedes it."""
    assert faults_of(FAULTY) < faults_of(FAULTY + LAST[stop])


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_makes_no_faults_of_its_own(stop: str) -> None:
    """Above a good registry only the stop itself is named: no consequence, such as a key that went with it."""
    good = b"version: 1\nroutes:\n  /x: {artifact: sample.onnx}\n"
    # A bracket that is left open shows at the first key that cannot stand in it.
    lines = STOPS[stop].count(b"\n") + ("open" in stop)
    assert {fault.line <= lines for fault in faults_of(STOPS[stop] + good)} == {True}


@pytest.mark.parametrize("name", sorted(path.stem for path in TOGETHER.glob("*.yaml")))
def test_many_faults_are_reported_as_in_their_golden_pair(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registries as people break them: the whole report, fault by fault."""
    monkeypatch.chdir(TOGETHER)
    with pytest.raises(RegistryError) as caught:
        load_registry(Path(f"{name}.yaml"), files=True)
    assert caught.value.text + "\n" == (TOGETHER / f"{name}.txt").read_text(encoding="utf-8")
