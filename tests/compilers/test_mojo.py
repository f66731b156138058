"""MOJOs without Java: equal to H2O's own classes to the last digits, proven where it would show, declined elsewhere."""

import copy
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from compilers.running import make_compiled
from gateway.artifacts.golden_rows import read
from gateway.compilers.base import Declined
from gateway.compilers.mojo import MojoCompiler, program_of
from gateway.compilers.mojo_parts import Parts, read_parts
from gateway.compilers.mojo_trees import MojoTree, Split, read_tree, walk
from gateway.compilers.proof.proof import prove
from gateway.compilers.proof.rows import generated
from gateway.compilers.proof.search import Found, Job, find_compiled
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.runtimes import storage
from gateway.runtimes.base import Draft
from gateway.runtimes.mojo import MojoProgram
from gateway.schema import Column, Predictions

ROOT = Path(__file__).resolve().parents[2]
MOJOS = ROOT / "tests" / "mojos"
#: How many faults are planted, of the thousands of possible ones.
FAULTS = (3, pytest.param(60, marks=pytest.mark.slow))


class Original:
    """Score with Java and remember the answers, so that many faults are compared with them in no time."""

    def __init__(self, name: str, cache: Path) -> None:
        self.path = MOJOS / name / "model.zip"
        self.predictor: Any = get_loader("h2o_mojo").load(self.path, LoadOptions(cache_dir=cache))
        self.signature = self.predictor.signature
        self.levels = [len(field.enum or ()) for field in self.signature.inputs]
        self.golden = read(MOJOS / name / "golden.json", self.signature).columns
        self._known: dict[tuple[int, ...], Predictions] = {}
        self._kept: list[Any] = []

    def parts(self) -> Parts:
        """Read the models inside once more, for a test to spoil."""
        return read_parts(self.predictor.archive, self.signature.names, self.levels)

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Answer as the MOJO does."""
        key = tuple(map(id, columns))
        if key not in self._known:
            self._kept.append(columns)  # or an id might come again
            self._known[key] = self.predictor.predict(columns)
        return self._known[key]


@pytest.fixture(scope="module", params=["loan", pytest.param("insurance", marks=pytest.mark.slow)])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Return one of the stacked ensembles of this repository."""
    return Original(request.param, tmp_path_factory.getbasetemp() / "mojo-cache")


@pytest.fixture(scope="module")
def loan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Original, Draft, list[list[Column]]]:
    """Return the smaller one, its draft, and the rows that must find every fault."""
    found = Original("loan", tmp_path_factory.getbasetemp() / "mojo-cache")
    draft = MojoCompiler().lower(found.predictor)
    rows = [chunk for batch in [*draft.rows, *generated(found.signature, found.signature)] for chunk in _chunks(batch)]
    return found, draft, rows


def _chunks(columns: Sequence[Column]) -> Iterator[list[Column]]:
    for start in range(0, len(columns[0]), 512):
        yield [column[start : start + 512] for column in columns]


@pytest.mark.slow
def test_ensembles_are_proven(original: Original, tmp_path: Path) -> None:
    """GBMs, a GLM and the GLM above them answer like Java over thousands of rows, one row and a batch faster."""
    row = [column[:1] for column in original.golden]
    for _ in range(300):
        original.predictor.predict(row)
    found = find_compiled(
        Job(
            loader="h2o_mojo",
            original=original.predictor,
            merged=original.signature,
            path=tmp_path / "a.compiled",
            row=row,
            golden=original.golden,
            budget_s=120.0,
        )
    )
    assert isinstance(found, Found)
    assert found.runtime == "mojo"
    assert found.proof.complete
    assert found.proof.rows > 10_000
    assert found.proof.max_difference < 1e-13
    assert found.proof.ties == 0


def test_one_row_and_a_batch_answer_alike(original: Original) -> None:
    """The way of a single row and that of arrays are two programs with one answer, to the last bit."""
    compiled = make_compiled(MojoCompiler().lower(original.predictor))
    columns = [column[::7] for column in next(iter(generated(original.signature, original.signature)))]
    many = compiled.predict(columns)
    for row in range(len(columns[0])):
        one = compiled.predict([column[row : row + 1] for column in columns])
        assert one.values[0] == many.values[row]
        assert one.probabilities.tolist() == many.probabilities[row : row + 1].tolist()  # type: ignore[index,union-attr]


def is_caught(loan: tuple[Original, Draft, list[list[Column]]], spoil: Callable[[Parts], None]) -> bool:
    """Say whether the proof finds what was done to the models inside."""
    original, draft, rows = loan
    parts = original.parts()
    spoil(parts)
    program = program_of(parts, draft.signature, original.levels)
    try:
        prove(original, make_compiled(Draft(runtime="mojo", program=program, signature=draft.signature)), rows)
    except Declined:
        return True
    return False


def _forest(parts: Parts) -> list[MojoTree]:
    return next(model for model in parts.models if model.trees).trees[0]


@pytest.mark.slow
def test_the_sound_draft_passes(loan: tuple[Original, Draft, list[list[Column]]]) -> None:
    """What follows fails because of the planted fault alone."""
    assert not is_caught(loan, lambda parts: None)


def _faults(split: Split) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what could be wrong with a split: a name and the attributes to set."""
    if split.threshold is not None:
        for to in (-np.inf, np.inf):
            yield "threshold", {"threshold": float(np.nextafter(np.float32(split.threshold), np.float32(to)))}
    if split.threshold is not None or split.known:
        yield "missing values", {"missing_right": not split.missing_right}
    for level in split.known[:2] if split.known else ():
        yield f"level {level}", {"right": split.right ^ {level}}


@pytest.mark.parametrize("faults", FAULTS)
def test_a_wrong_split_is_caught(loan: tuple[Original, Draft, list[list[Column]]], faults: int) -> None:
    """Thresholds off by one float32 step, the other way for missing values, a level on the wrong side."""
    every = [
        (number, place, name, changed)
        for number, tree in enumerate(_forest(loan[0].parts()))
        for place, split in enumerate(tree.splits)
        for name, changed in _faults(split)
    ]
    chosen = [every[at] for at in np.random.default_rng(3).choice(len(every), faults, replace=False)]
    missed = []
    for number, place, name, changed in chosen:

        def spoil(parts: Parts, number: int = number, place: int = place, changed: Any = changed) -> None:
            for key, value in changed.items():
                setattr(_forest(parts)[number].splits[place], key, value)

        if not is_caught(loan, spoil) and not _is_idle(loan, number, place, name):
            missed.append((number, place, name))
    assert not missed


def _is_idle(loan: tuple[Original, Draft, list[list[Column]]], number: int, place: int, name: str) -> bool:
    """Say whether no row can tell: the way to the split sends such values elsewhere, or both sides answer alike."""
    tree = _forest(loan[0].parts())[number]
    split = tree.splits[place]
    first, _, last = split.leaves
    if len({*tree.leaves[first:last]}) == 1:
        return True
    ways = {id(one): way for one, way in walk(tree)}
    above = [one for one, _ in ways[id(split)] if one.column == split.column]
    return bool(above) and not name.startswith("threshold")


def _spoil_leaf(parts: Parts) -> None:
    _forest(parts)[3].leaves[5] += 1e-3


def _spoil_start(parts: Parts) -> None:
    next(model for model in parts.models if model.trees).start += 1e-3


def _spoil_weight(parts: Parts) -> None:
    linear = next(model.linear for model in parts.models if model.linear)
    column = next(iter(linear.numbers))
    weight, mean = linear.numbers[column]
    linear.numbers[column] = (weight * 1.001, mean)


def _spoil_mean(parts: Parts) -> None:
    linear = next(model.linear for model in parts.models if model.linear)
    column = next(iter(linear.numbers))
    weight, mean = linear.numbers[column]
    linear.numbers[column] = (weight, mean + 50)


def _spoil_mode(parts: Parts) -> None:
    linear = next(model.linear for model in parts.models if model.linear)
    weights = next(iter(linear.levels.values()))
    weights[-1] = weights[(int(np.argmin(np.abs(weights[:-1, 0] - weights[-1, 0]))) + 1) % (len(weights) - 1)]


def _spoil_stack(parts: Parts) -> None:
    assert parts.stack is not None
    parts.stack.intercepts = parts.stack.intercepts + 1e-4


def _spoil_transform(parts: Parts) -> None:
    assert parts.stack is not None
    parts.stack.logit = False


@pytest.mark.parametrize(
    "spoil", [_spoil_leaf, _spoil_start, _spoil_weight, _spoil_mean, _spoil_mode, _spoil_stack, _spoil_transform]
)
def test_a_wrong_number_is_caught(
    loan: tuple[Original, Draft, list[list[Column]]], spoil: Callable[[Parts], None]
) -> None:
    """A leaf, a start, a weight, a mean, a most frequent level, the metalearner."""
    assert is_caught(loan, spoil)


def test_a_probability_at_the_threshold_is_the_threshold(loan: tuple[Original, Draft, list[list[Column]]]) -> None:
    """H2O's threshold is the answer to some training row: another order of sums must not turn its label."""
    original, draft, _ = loan
    program: Any = copy.deepcopy(draft.program)
    columns = [column[:1] for column in original.golden]
    probability = original.predictor.predict(columns).probabilities[0, 1]
    for drift in (-2e-16, 0.0, 2e-16):
        program.answer.threshold = probability + drift
        compiled = make_compiled(Draft(runtime="mojo", program=program, signature=draft.signature))
        assert compiled.predict(columns).values[0] == 1
        assert compiled.predict([np.repeat(column, 3) for column in columns]).values.tolist() == [1, 1, 1]
    program.answer.threshold = probability + 1e-9
    compiled = make_compiled(Draft(runtime="mojo", program=program, signature=draft.signature))
    assert compiled.predict(columns).values[0] == 0


@pytest.mark.parametrize("cut", [1, 7, -1])
def test_a_damaged_tree_is_declined(loan: tuple[Original, Draft, list[list[Column]]], cut: int) -> None:
    """Bytes that are missing, or left over, are not guessed at."""
    with zipfile.ZipFile(loan[0].path) as archive:
        data = archive.read(next(name for name in archive.namelist() if name.endswith("t00_000.bin")))
    read_tree(data)
    with pytest.raises(Declined, match="of the MOJO"):
        read_tree(data[:-cut] if cut > 0 else data + b"\0")


def test_serving_a_compiled_model_starts_no_java(
    loan: tuple[Original, Draft, list[list[Column]]], tmp_path: Path
) -> None:
    """A process that runs the compiled model has neither JPype nor the library of a JVM in it."""
    path = tmp_path / "loan.compiled"
    sha256 = storage.write(path, loan[1])
    code = (
        "import sys, json, numpy as np\nfrom pathlib import Path\nfrom gateway.runtimes import load_compiled\n"
        f"compiled = load_compiled(Path({str(path)!r}), {sha256!r})\n"
        "compiled.predict([np.array([float('nan')], dtype=object) for _ in compiled.signature.inputs])\n"
        "maps = open('/proc/self/maps').read() if Path('/proc/self/maps').exists() else ''\n"
        "print(json.dumps(['jpype' in sys.modules, 'libjvm' in maps]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == [False, False]


def test_grouped_columns_stay_within_the_limit(loan: tuple[Original, Draft, list[list[Column]]]) -> None:
    """Columns share rows of the table only where that fits; the same answers come without, and too large is declined."""
    original, draft, rows = loan
    whole = cast(MojoProgram, draft.program).forest
    assert whole is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.compilers.mojo_masks.MAX_TABLE", whole.table.nbytes - 1)
        program = program_of(original.parts(), draft.signature, original.levels)
        assert program.forest is not None
        assert program.forest.table.nbytes < whole.table.nbytes
        compiled = make_compiled(Draft(runtime="mojo", program=program, signature=draft.signature))
        prove(original, compiled, rows[:4])
        patch.setattr("gateway.compilers.mojo_masks.MAX_TABLE", 1_000)
        with pytest.raises(Declined, match="table"):
            program_of(original.parts(), draft.signature, original.levels)
