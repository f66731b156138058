"""The files that Python code reads belong to its version: found, copied with it, and no other bytes are read."""

import sys
import threading
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from gateway.artifacts.code_files import names_of
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.artifacts.store import Store
from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.python_siblings import siblings_of
from gateway.prepare.cache_key import make_entry
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_route
from gateway.registry.load_options import load_options
from gateway.registry.spec import RouteSpec

HEAD = "import json\nfrom pathlib import Path\nHERE = Path(__file__).resolve().parent\n"


@pytest.fixture(autouse=True)
def clean_path() -> Iterator[None]:
    """Leave sys.path as it was."""
    before = list(sys.path)
    yield
    sys.path[:] = before


class Folder:
    """A folder with code and files, and the cache that keeps them."""

    def __init__(self, place: Path) -> None:
        self.base = place / "project"
        self.cache = place / "cache"
        self.base.mkdir()

    def write(self, files: Mapping[str, str]) -> None:
        """Write files by their names."""
        for name, text in files.items():
            path = self.base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def keep(self, artifact: str = "abbreviations.py", **keys: Any) -> StoredArtifact:
        """Find and keep what the code reads, as preparing does."""
        digests = Digests(self.cache / "digests.json")
        return make_entry(self.spec(artifact, **keys), self.cache, digests, Store(self.cache), PrepareLimits()).artifact

    def prepare(self, artifact: str, **keys: Any) -> Manifest:
        """Prepare a route."""
        return prepare_route(
            self.spec(artifact, **keys), self.cache, PrepareLimits(), Digests(self.cache / "digests.json")
        )

    def spec(self, artifact: str = "abbreviations.py", **keys: Any) -> RouteSpec:
        """Return the entry of a route."""
        return RouteSpec(path="/w", name="w", artifact=artifact, loader="python", base=str(self.base), **keys)

    def load(self, stored: StoredArtifact, artifact: str = "abbreviations.py") -> Any:
        """Load the kept copy as a worker does."""
        options = load_options(self.spec(artifact), stored, self.cache)
        return get_loader("python").load(Path(stored.path), options)

    def kept(self, stored: StoredArtifact) -> set[str]:
        """Name the files that lie in the cache with the code."""
        return {str(Path(one.path).relative_to(self.base)) for one in stored.files if one.is_kept}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Make an empty project."""
    return Folder(tmp_path)


def ask(predictor: Any, *values: Any) -> Any:
    """Ask for one instance."""
    columns = [np.array([value], dtype=object if isinstance(value, str) else None) for value in values]
    return predictor.predict(columns).values[0]


def test_opened_imported_and_named_files_are_kept(folder: Folder) -> None:
    """Opened at import, in a call, through a sibling, below a folder, by a C library: each is found and served."""
    rows = np.array([[0.0], [1.0]])
    booster = xgboost.train({"base_score": 0}, xgboost.DMatrix(rows, rows[:, 0]), 2)
    booster.save_model(folder.base / "m.ubj")
    folder.write(
        {
            "bias.json": "-1",
            "late.txt": "4",
            "data/deep.json": "[2]",
            "helper.py": "from pathlib import Path\nTEXT = (Path(__file__).parent / 'of_helper.txt').read_text()\n",
            "of_helper.txt": "8",
            "lazy.py": "def more(): return 16\n",
            "pack/__init__.py": "from pack.inner import X\n",
            "pack/inner.py": "X = 32\n",
            "unused.py": "raise SystemExit\n",
            "unused.json": "0",
            "abbreviations.py": HEAD
            + "import xgboost\nimport helper\nfrom pack import X\n"
            + "BIAS = json.loads((HERE / 'bias.json').read_text())\n"
            + "DEEP = json.loads(next((HERE / 'data').glob('*.json')).read_text())[0]\n"
            + "BOOSTER = xgboost.Booster(model_file=HERE / 'm.ubj')\n"
            + "def predict(x: float) -> float:\n"
            + "    import lazy\n"
            + "    return x + BIAS + DEEP + int((HERE / 'late.txt').read_text()) + int(helper.TEXT) + lazy.more() + X\n",
        }
    )
    stored = folder.keep()
    names = "bias.json late.txt data/deep.json helper.py of_helper.txt lazy.py pack/__init__.py pack/inner.py m.ubj"
    assert folder.kept(stored) == set(names.split())
    folder.base.rename(folder.base.with_name("gone"))
    assert ask(folder.load(stored), 100.0) == 100 - 1 + 2 + 4 + 8 + 16 + 32


def test_another_neighbour_is_another_version(folder: Folder) -> None:
    """The digest covers the neighbours; what nobody opens changes nothing, and known files start no child again."""
    folder.write(
        {
            "bias.json": "1",
            "note.txt": "x",
            "abbreviations.py": HEAD + "B = (HERE / 'bias.json').read_text()\ndef predict(): return B\n",
        }
    )
    first = folder.keep()
    folder.write({"note.txt": "y"})
    assert folder.keep() == first
    folder.write({"bias.json": "2"})
    second = folder.keep()
    assert second.sha256 != first.sha256
    assert (ask(folder.load(first)), ask(folder.load(second))) == ("1", "2")
    folder.write({"bias.json": "1"})
    assert folder.keep() == first


def test_an_absent_file_that_comes_is_another_version(folder: Folder) -> None:
    """A file that the code looked for in vain is known by name, so that its coming is seen."""
    code = "try: B = open(HERE / 'over.txt').read()\nexcept FileNotFoundError: B = 'none'\ndef predict(): return B\n"
    folder.write({"abbreviations.py": HEAD + code})
    first = folder.keep()
    assert names_of(folder.spec().base, folder.spec().sources[0], folder.cache) == (folder.base / "over.txt",)
    folder.write({"over.txt": "some"})
    second = folder.keep()
    assert (ask(folder.load(first)), ask(folder.load(second))) == ("none", "some")


def test_siblings_of_one_name_stay_apart(folder: Folder) -> None:
    """Two routes, and two versions of one, have modules of one name beside them: each gets its own."""
    for name in ("a", "b"):
        folder.write(
            {f"{name}/ratios.py": f"X = {name!r}\n", f"{name}/m.py": "import ratios\ndef predict(): return ratios.X\n"}
        )
    a, b = folder.keep("a/m.py"), folder.keep("b/m.py")
    loaded = [folder.load(a, "a/m.py"), folder.load(b, "b/m.py")]
    folder.write({"a/ratios.py": "X = 'new'\n"})
    loaded.append(folder.load(folder.keep("a/m.py"), "a/m.py"))
    assert [ask(one) for one in loaded] == ["a", "b", "new"]


@pytest.mark.parametrize("place", ["module", "call"])
def test_a_file_elsewhere_is_held_to_its_digest(folder: Folder, tmp_path: Path, place: str) -> None:
    """A file outside the project is not copied; replaced, it is refused at the load or the call that opens it."""
    outside = tmp_path / "outside.txt"
    outside.write_text("1")
    call = f"open({str(outside)!r}).read()"
    code = f"B = {call}\ndef predict(): return B\n" if place == "module" else f"def predict(): return {call}\n"
    folder.write({"abbreviations.py": code})
    stored = folder.keep()
    assert [(one.path, one.is_kept) for one in stored.files] == [(str(outside), False)]
    first = folder.load(stored)
    assert ask(first) == "1"
    outside.write_text("2")
    second = folder.keep()
    assert second.sha256 != stored.sha256
    with pytest.raises(GatewayError) as error:
        ask(folder.load(stored) if place == "module" else first)
    assert (error.value.code, str(outside) in error.value.message) == ("file-changed", True)
    assert ask(folder.load(second)) == "2"
    outside.write_text("1")
    assert ask(folder.load(stored)) == "1"


def test_what_the_code_writes_is_not_its_version(folder: Folder) -> None:
    """A log or a cache that the code writes beside itself may change."""
    folder.write(
        {
            "abbreviations.py": HEAD
            + "def predict():\n    (HERE / 'log.txt').open('a').write('x')\n    return (HERE / 'log.txt').read_text()\n"
        }
    )
    assert folder.keep().files == ()


def test_code_that_fails_is_kept_with_what_it_opened(folder: Folder) -> None:
    """Code that raises, exits or has a syntax error is told by the load, with its neighbours as far as they are known."""
    for code in ("(HERE / 'a.txt').read_text()\nraise ValueError\n", "import os\nopen(HERE / 'a.txt')\nos._exit(3)\n"):
        folder.write({"a.txt": "1", "abbreviations.py": HEAD + code})
        assert folder.kept(folder.keep()) == {"a.txt"}
    folder.write({"abbreviations.py": "def predict(:\n"})
    with pytest.raises(GatewayError) as error:
        folder.load(folder.keep())
    assert error.value.code == "python-import"


@pytest.mark.parametrize("name", ["a\0b.py:f", "loop.py:f", "n" * 300 + ".py:f"])
def test_code_that_cannot_be_reached_has_no_neighbours(tmp_path: Path, name: str) -> None:
    """A NUL, a loop of links and a name too long are a fault of their route, and nothing that the watcher stumbles over."""
    (tmp_path / "loop.py").symlink_to("loop.py")
    spec = RouteSpec(path="/m", name="m", artifact=name, loader="python", base=str(tmp_path))
    assert names_of(spec.base, spec.sources[0], tmp_path / "cache") == ()


def test_modules_that_others_import_meanwhile_do_not_stop_a_load(tmp_path: Path) -> None:
    """Routes load beside each other: what another thread imports changes the table of modules while it is looked at."""
    ended = threading.Event()

    def importing() -> None:
        while not ended.is_set():
            for number in range(50):
                sys.modules[f"made_up_{number}"] = types.ModuleType(f"made_up_{number}")
            for number in range(50):
                del sys.modules[f"made_up_{number}"]

    other = threading.Thread(target=importing)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    other.start()
    try:
        for _ in range(300):
            siblings_of([tmp_path])
    finally:
        ended.set()
        other.join(60)
        sys.setswitchinterval(before)
