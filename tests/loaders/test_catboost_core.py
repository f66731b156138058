"""CatBoost's binary files whose numbers point outside are refused by name: CatBoost itself follows them and dies."""

import json
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from damage import flip, outcomes
from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.catboost_contents import fault_of

catboost = pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")

OPTIONS = {"iterations": 3, "depth": 2, "thread_count": 1, "verbose": False, "allow_writing_files": False}
INTS, DOUBLES = "i", "d"
#: Of a symmetric model: vector -> what is put in the place of its first number, or of its length, and what is told.
OUTSIDE = {
    "a split outside": ("splits", 9_999, None, "splits by number 9999, which is none of its"),
    "a split below zero": ("splits", -1, None, "splits by number -1"),
    "a split too few": ("splits", None, -1, "do not lie one behind the other"),
    "a deeper tree": ("sizes", 17, None, "do not lie one behind the other"),
    "a tree below zero": ("sizes", -2, None, "3 sizes of trees, 3 places"),
    "a tree too few": ("sizes", None, -1, "2 sizes of trees, 3 places"),
    "a tree elsewhere": ("starts", 1, None, "do not lie one behind the other"),
    "values too few": ("leaves", None, -1, "values of leaves, 35 are there"),
    "no end": ("leaves", None, 2**31 - 40, "values of leaves, 2147483644 are there"),
}


def model_of(kind: str) -> Any:
    """Return a trained model: of symmetric trees, of trees of nodes, or of categories that it counts."""
    rows = np.random.default_rng(7).normal(size=(150, 2))
    if kind == "counts":
        frame = pd.DataFrame({"a": rows[:, 0], "b": np.where(rows[:, 1] > 0, "x", np.where(rows[:, 0] > 0, "y", "z"))})
        model = catboost.CatBoostClassifier(**OPTIONS, cat_features=["b"], one_hot_max_size=1)
        return model.fit(frame, (rows[:, 1] > 0.2).astype(int))
    if kind == "nodes":
        return catboost.CatBoostRegressor(**OPTIONS, grow_policy="Lossguide").fit(rows, rows[:, 0] * rows[:, 1])
    return catboost.CatBoostClassifier(**OPTIONS).fit(rows, np.digitize(rows[:, 0], [-0.5, 0.5]))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the file of a kind of model, trained once."""
    folder, made = tmp_path_factory.mktemp("core"), {}

    def save(kind: str) -> Path:
        if kind not in made:
            made[kind] = folder / f"{kind}.cbm"
            model_of(kind).save_model(str(made[kind]))
        return made[kind]

    return save


def place_of(data: bytes, form: str, numbers: list[Any]) -> int:
    """Return where a vector stands in a file: its numbers behind their count, found once."""
    wanted = struct.pack(
        f"<I{len(numbers)}{form}" if form == INTS else "<I", len(numbers), *(numbers if form == INTS else ())
    )
    if form == DOUBLES:
        at = data.index(struct.pack(f"<{len(numbers)}d", *numbers)) - 4
        assert data[at : at + 4] == wanted
        return at
    assert data.count(wanted) == 1
    return data.index(wanted)


def vectors(model: Any, path: Path) -> dict[str, tuple[str, list[Any]]]:
    """Return what the vectors of a symmetric model hold, as CatBoost's JSON tells it."""
    model.save_model(str(path), format="json")
    trees = json.loads(path.read_text())["oblivious_trees"]
    splits = [split["split_index"] for tree in trees for split in tree["splits"]]
    return {
        "splits": (INTS, splits),
        "sizes": (INTS, [len(tree["splits"]) for tree in trees]),
        "starts": (INTS, np.cumsum([0, *(len(tree["splits"]) for tree in trees[:-1])]).tolist()),
        "leaves": (DOUBLES, [value for tree in trees for value in tree["leaf_values"]]),
    }


@pytest.mark.parametrize("kind", OUTSIDE)
def test_numbers_of_trees_that_point_outside(saved: Callable[[str], Path], tmp_path: Path, kind: str) -> None:
    """A split, a size or a length that does not fit is told; the file is refused by name, alone and in a pickle."""
    vector, first, longer, told = OUTSIDE[kind]
    model = catboost.CatBoostClassifier().load_model(str(saved("levels")))
    form, numbers = vectors(model, tmp_path / "model.json")[vector]

    def damaged(whole: bytes) -> bytes:
        data, at = bytearray(whole), place_of(whole, form, numbers)
        if first is not None:
            struct.pack_into("<i", data, at + 4, first)
        if longer is not None:
            struct.pack_into("<I", data, at, len(numbers) + longer)
        return bytes(data)

    path = tmp_path / "model.cbm"
    path.write_bytes(damaged(saved("levels").read_bytes()))
    with pytest.raises(GatewayError, match=r"model\.cbm: not a readable CatBoost model: ") as error:
        get_loader("catboost").load(path, LoadOptions())
    assert error.value.code == "broken-artifact"
    assert told in error.value.message
    held = model.__getstate__()["__model"]
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model).replace(held, damaged(held)))
    with pytest.raises(GatewayError, match="whose model is damaged: ") as error:
        get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    assert told in error.value.message


@pytest.mark.parametrize("kind", ["levels", "nodes", "counts"])
def test_whole_files_have_no_fault(saved: Callable[[str], Path], kind: str) -> None:
    """What CatBoost wrote is read without a complaint, and any beginning of it has one."""
    data = saved(kind).read_bytes()
    assert fault_of(data) == ""
    assert all(fault_of(data[:end]) for end in range(0, len(data) - 64, 397))


def test_tables_of_categories_that_point_outside(saved: Callable[[str], Path]) -> None:
    """Behind the trees, where CatBoost checks no length: each kind of number that leads outside has its fault."""
    data = saved("counts").read_bytes()
    behind = 8 + int.from_bytes(data[4:8], "little")
    places = range(behind, len(data) - 4, 4)
    put = [data[:at] + struct.pack("<I", n) + data[at + 4 :] for at in places for n in (13, 1_000_000)]
    told = " ".join(map(fault_of, put))
    for fault in ("counts are announced", "behind its end", "no table of hashes"):
        assert fault in told, fault
    assert fault_of(data[:behind]), "the tables are missing"


def damages(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged copies: bits, zeros, and numbers that other numbers are likely to be."""
    yield from flip(data, count, seed)
    draw = np.random.default_rng(seed)
    for at in (draw.integers(0, len(data) // 4, size=count) * 4).tolist():
        number = int(draw.choice([0, 1, 2, 3, 8, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1]))
        yield f"{number} at {at}", data[:at] + number.to_bytes(4, "little") + data[at + 4 :]


@pytest.mark.parametrize("kind", ["levels", "nodes", "counts"])
def test_reading_damaged_files_raises_nothing(saved: Callable[[str], Path], kind: str) -> None:
    """The reader of damaged files names a fault or none, whatever the bytes are."""
    found = [fault_of(damaged) for _, damaged in damages(saved(kind).read_bytes(), 40, 5)]
    assert 5 < len(list(filter(None, found))) < 115


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["levels", "nodes", "counts"])
def test_no_damage_ends_the_process(
    saved: Callable[[str], Path], tmp_path: Path, kind: str, figures: Callable[[str], None]
) -> None:
    """CatBoost loads and asks each damaged file that is not refused before, and lives."""
    path = tmp_path / "model.cbm"
    path.write_bytes(saved(kind).read_bytes())
    kinds: dict[str, int] = {}
    for how, found, _ in outcomes("catboost", path, list(damages(path.read_bytes(), 1_000, 11))):
        assert "the process ended" not in found.told, how
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
    figures(f"damaged files of {kind}: {kinds}")
