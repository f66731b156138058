"""Python code as people write it: folders, listed files, relative names, siblings, `__main__`, and calls while preparing."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import pytest

from gateway.artifacts.source_files import digest
from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from loaders.test_python_files import HEAD, Folder, ask, clean_path, folder

__all__ = ["clean_path", "folder"]

RELATIVE = "def predict() -> str:\n    return open('w.txt').read()\n"


def test_a_folder_belongs_to_its_route_whole(folder: Folder) -> None:
    """`artifact: spam/` executes the file that has `predict`, and takes along files that no run has shown."""
    folder.write(
        {
            "spam/model.py": "class Other: pass\n",
            "spam/app.py": HEAD + "from preprocess import X\ndef predict(late: bool) -> str:\n"
            "    return X + (HERE / 'data' / 'w.txt').read_text() if late else X\n",
            "spam/preprocess.py": "X = 'x'\n",
            "spam/data/w.txt": "1",
        }
    )
    stored = folder.keep("spam/")
    assert folder.kept(stored) == {"spam/model.py", "spam/preprocess.py", "spam/data/w.txt"}
    loaded = folder.load(stored, "spam/")
    (folder.base / "spam/data/w.txt").unlink()
    assert ask(loaded, True) == "x1"


def test_a_package_imports_relatively_and_by_its_name(folder: Folder) -> None:
    """A file of a package is part of it, as under `python -m`; two packages of one name stay apart."""
    for place in ("one", "two"):
        folder.write(
            {
                f"{place}/spam/__init__.py": f"NAME = {place!r}\n",
                f"{place}/spam/app.py": "from . import NAME\nfrom .text import clean\nfrom ..spam.text import clean\n"
                "def predict(): return clean(NAME)\n",
                f"{place}/spam/text.py": "def clean(x): return x.upper()\n",
            }
        )
    folder.write(
        {
            "shop/__init__.py": "",
            "shop/__main__.py": "",
            "shop/app.py": "from shop.more import X\ndef predict(): return X\n",
            "shop/more.py": "X = 3\n",
            "pack/__init__.py": "from .inner import predict\n",
            "pack/inner.py": "def predict(): return 4\n",
        }
    )
    names = ["one/spam/app.py", "two/spam/app.py", "shop/app.py", "pack"]
    loaded = [folder.load(folder.keep(name), name) for name in names]
    assert [ask(one) for one in loaded] == ["ONE", "TWO", 3, 4]


def test_listed_files_are_kept_and_pinned(folder: Folder) -> None:
    """`files:` names what no run shows; the pin covers code and listed files, and is verified before the code runs."""
    folder.write(
        {"late.py": "import os\nopen('ran', 'w')\ndef predict(): return 0\n", "data/a.csv": "1", "data/b.csv": "2"}
    )
    spec = {"files": ("data/*.csv",)}
    stored = folder.keep("late.py", **spec)
    assert folder.kept(stored) == {"data/a.csv", "data/b.csv"}
    (folder.base / "ran").unlink()
    with pytest.raises(GatewayError) as error:
        folder.keep("late.py", **spec, sha256="0" * 64)
    assert (error.value.code, (folder.base / "ran").exists()) == ("wrong-sha256", False)
    pin = error.value.message.split()[4].rstrip(",")
    assert folder.keep("late.py", **spec, sha256=pin) == stored
    folder.write({"data/c.csv": "3"})
    with pytest.raises(GatewayError):
        folder.keep("late.py", **spec, sha256=pin)
    with pytest.raises(GatewayError) as error:
        folder.keep("late.py", files=("dota/*.csv",))
    assert error.value.code == "files-missing"


def test_relative_names_start_from_the_code(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the gateway was started, two routes open each its own `w.txt`, at once, and the process stays where it was."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        folder.write({f"{name}/w.txt": name, f"{name}/m.py": RELATIVE})
    folder.write({"w.txt": "of the registry", "top/m.py": RELATIVE.replace("w.txt", "top/x.txt"), "top/x.txt": "top"})
    stored = [folder.keep(f"{name}/m.py") for name in ("a", "b", "top")]
    loaded = [folder.load(one, "m.py") for one in stored]
    folder.base.rename(folder.base.with_name("gone"))
    found: list[set[str]] = [set(), set(), set()]

    def many(at: int) -> None:
        for _ in range(200):
            found[at].add(ask(loaded[at]))

    threads = [threading.Thread(target=many, args=(at,)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"a"}, {"b"}, {"top"}]
    assert Path.cwd() == tmp_path


def test_relative_names_that_are_written_stay_beside_the_code(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that reads and writes by relative names finds tomorrow what it wrote today."""
    monkeypatch.chdir(tmp_path)
    code = "def predict() -> str:\n    open('log.txt', 'a').write(open('w.txt').read())\n    return open('log.txt').read()\n"
    folder.write({"m.py": code, "w.txt": "x"})
    loaded = folder.load(folder.keep("m.py"), "m.py")
    (folder.base / "log.txt").unlink()
    assert [ask(loaded), ask(loaded)] == ["x", "xx"]
    assert (folder.base / "log.txt").read_text() == "xx"


def test_lazy_imports_of_one_name_stay_apart(folder: Folder) -> None:
    """A module that is imported in a call is the one beside its own route, also after another route was loaded."""
    for name in ("a", "b"):
        folder.write(
            {
                f"{name}/helpers.py": f"X = {name!r}\n",
                f"{name}/m.py": "def predict(late: bool) -> str:\n    if late:\n        import helpers\n"
                "        return helpers.X\n    import importlib\n    return importlib.import_module('helpers').X\n",
            }
        )
    loaded = [folder.load(folder.keep(f"{name}/m.py"), "m.py") for name in ("a", "b")]
    asked = [(0, False), (1, True), (0, True), (1, False), (0, False), (1, True)]
    assert [ask(loaded[at], late) for at, late in asked] == ["a", "b", "a", "b", "a", "b"]


def test_a_pickle_of_main_finds_its_class_in_the_route(folder: Folder) -> None:
    """`__main__.X` is the X of the file that loads the pickle: at import or in a call, for two routes at once."""
    script = (
        "import pickle, joblib\nclass Scaler:\n    def __init__(self, by): self.by = by\n"
        "for by in (2, 3):\n    pickle.dump(Scaler(by), open(f'{by}.pkl', 'wb'))\n    joblib.dump(Scaler(by), f'{by}.joblib')\n"
    )
    folder.write({"train.py": script})
    subprocess.run([sys.executable, "train.py"], cwd=folder.base, check=True)
    code = "import pickle, joblib\nclass Scaler:\n    def scale(self, x): return x * self.by + {plus}\n"
    folder.write(
        {
            "two.py": HEAD + code.format(plus=0.25) + "M = joblib.load(HERE / '2.joblib')\n"
            "def predict(x: float): return M.scale(x)\n",
            "three.py": code.format(plus=0.5)
            + "def predict(x: float): return pickle.load(open('3.pkl', 'rb')).scale(x)\n",
        }
    )
    two, three = (folder.load(folder.keep(f"{name}.py"), "m.py") for name in ("two", "three"))
    answers: list[float] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.extend(ask(one, 1.0) for _ in range(200)))
        for one in (two, three)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [2.25] * 200 + [3.5] * 200
    with pytest.raises(AttributeError):
        pickle.loads((folder.base / "2.pkl").read_bytes())
    assert joblib is not None


@pytest.mark.parametrize(("trial", "golden", "calls"), [("off", True, 0), ("golden", False, 0), ("golden", True, None)])
def test_trial_limits_the_calls_while_preparing(folder: Folder, trial: str, golden: bool, calls: int | None) -> None:
    """`trial: off` never calls the function while it is prepared, `trial: golden` with golden rows only."""
    folder.write(
        {
            "m.py": HEAD
            + "def predict(x: float) -> float:\n    open('/dev/null')\n    (HERE / 'calls').open('a').write(f'{x} ')\n    return x\n"
        }
    )
    if golden:
        folder.write({"golden.json": '{"version": 1, "instances": [{"x": 7}], "predictions": [{"value": 7}]}'})
    found = folder.prepare("m.py", trial=trial)
    assert found.problem is None
    wrote = [*folder.base.glob("calls"), *folder.cache.rglob("calls")]
    assert {x for path in wrote for x in path.read_text().split()} == (set() if calls == 0 else {"7.0"})


def test_a_file_is_described_as_it_will_be_served(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`describe` and `add` find what lies beside the code, or what the folder of the command holds."""
    folder.write(
        {
            "a/m.py": "X = open('w.txt').read()\nfrom lib.more import Y\ndef predict(x: float): return X + Y\n",
            "a/w.txt": "1",
            "lib/more.py": "Y = open('lib/y.txt').read() if False else 'y'\n",
            "b/m.py": "X = open('b/w.txt').read()\ndef predict(x: float): return X\n",
            "b/w.txt": "2",
        }
    )
    monkeypatch.chdir(folder.base)
    for name in ("a", "b"):
        found = get_loader("python").describe(folder.base / name / "m.py", LoadOptions())
        assert found.names == ("x",)
    assert Path.cwd() == folder.base
    (folder.base / "a" / "w.txt").unlink()
    with pytest.raises(GatewayError) as error:
        get_loader("python").describe(folder.base / "a" / "m.py", LoadOptions())
    assert 'Path(__file__).parent / "w.txt"' in str(error.value.hint)


def test_the_pin_of_a_folder_is_the_hash_that_describe_prints(folder: Folder) -> None:
    """All files of the folder are covered, by their names and contents."""
    folder.write({"spam/predict.py": "def predict(): return 1\n", "spam/a.txt": "1", "spam/a/b.txt": "2"})
    pin = digest(folder.base / "spam")[0]
    assert folder.keep("spam", sha256=pin)
    folder.write({"spam/a/c.txt": "3"})
    with pytest.raises(GatewayError) as error:
        folder.keep("spam", sha256=pin)
    assert error.value.code == "wrong-sha256"


def test_a_log_that_the_code_writes_leaves_it_where_it_runs(folder: Folder) -> None:
    """A name that the code only writes to makes no working folder, also when the file is there already."""
    code = "import logging\nlogging.basicConfig(filename='svc.log', force=True)\ndef predict(): return 1\n"
    folder.write({"m.py": code, "svc.log": ""})
    assert folder.keep("m.py").working_folder == ""
