"""
Every artifact of the zoo is served with the answers of its own library, or refused for a stated reason.

The core runs in every test run; the whole zoo, H2O models included, under `slow`, which also checks docs/zoo.md.
"""

import json
from pathlib import Path

import pytest

import serving

from .conftest import Zoo
from .enclosure import Case, Enclosure, difference, examine
from .grow import known
from .hostile import CANARY
from .specimen import EXACT
from .table import check

CORE = [one.name for one in known().values() if one.core]
WHOLE = list(known())


def _case(zoo: Zoo, name: str) -> Case:
    case = zoo.cases[name]
    if "unavailable" in case.told:
        pytest.skip(case.told["unavailable"])
    return case


def over_http(case: Case, gateway: serving.Gateway) -> str:
    """Say what is wrong with the answers of a gateway, or nothing."""
    if case.refused:
        answer = gateway.post(case.path, {})
        return "" if answer.status == 503 and case.refused in answer.body.decode() else f"{answer.status} {answer.json}"
    batch = gateway.post(case.path, {"instances": case.rows})
    if batch.status != 200:
        return f"{batch.status} {batch.json}"
    # Whoever serves, original or compiled model: the routes in this process tell them apart.
    wrong = difference(case.answers, batch.json["predictions"], case.told["tolerance"], compiled=True)
    single = gateway.post(case.path, case.rows[-1])
    wrong = wrong or difference(case.answers[-1], single.json, case.told["tolerance"], compiled=True)
    plain = next((i for i, row in enumerate(case.rows) if None not in row.values()), None)
    if wrong or plain is None:
        return wrong
    query = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in case.rows[plain].items()}
    got = gateway.get(case.path, None, **query)
    return difference(case.answers[plain], got.json, case.told["tolerance"], compiled=True)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        (0.5, 0.500001),
        ({"a": 1}, {"b": 1}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1], []),
    ],
)
def test_differences_are_seen(expected: object, found: object) -> None:
    """The comparison itself tells types, keys, their order, lengths and small differences apart."""
    assert difference(expected, found, EXACT) != ""
    assert difference(expected, expected, EXACT) == ""


@pytest.mark.parametrize("name", CORE)
def test_core_equals_its_library(core_zoo: Zoo, core_enclosure: Enclosure, name: str) -> None:
    """Batches, single rows and positional ones are answered as the native library does, or refused as told."""
    assert examine(_case(core_zoo, name), core_enclosure) == ""


@pytest.mark.parametrize("name", CORE)
def test_core_over_http(core_zoo: Zoo, core_gateway: serving.Gateway, name: str) -> None:
    """One gateway serves them all side by side; refused ones answer 503 with the reason."""
    assert over_http(_case(core_zoo, name), core_gateway) == ""


def test_core_ran_no_code(core_zoo: Zoo, core_enclosure: Enclosure) -> None:
    """After everything was prepared, served and loaded, no hostile file has left its mark."""
    assert list(core_zoo.cases) and not _canaries(core_zoo)


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_whole_equals_its_library(whole_zoo: Zoo, whole_enclosure: Enclosure, name: str) -> None:
    """Batches, single rows and positional ones are answered as the native library does, or refused as told."""
    assert examine(_case(whole_zoo, name), whole_enclosure) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_whole_over_http(whole_zoo: Zoo, whole_gateway: serving.Gateway, name: str) -> None:
    """One gateway serves them all side by side; refused ones answer 503 with the reason."""
    assert over_http(_case(whole_zoo, name), whole_gateway) == ""


@pytest.mark.slow
def test_whole_ran_no_code(whole_zoo: Zoo, whole_enclosure: Enclosure) -> None:
    """After everything was prepared, served and loaded, no hostile file has left its mark."""
    assert not _canaries(whole_zoo)


@pytest.mark.slow
def test_the_table_is_complete(whole_zoo: Zoo, whole_enclosure: Enclosure) -> None:
    """docs/zoo.md has a line for every specimen that says what became of it here."""
    assert check(serving.ROOT / "docs" / "zoo.md", whole_zoo.cases, whole_enclosure.manifests) == []


def _canaries(zoo: Zoo) -> list[Path]:
    return [path for case in zoo.cases.values() for path in case.folder.rglob(CANARY)]
