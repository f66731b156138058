"""An environment is built once for what it holds, whole or not at all, and found again without uv or an index."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from environments.wheels import write_wheel
from extras import needs
from gateway.artifacts import state_files
from gateway.artifacts.copies import size_below
from gateway.artifacts.source_files import digest
from gateway.artifacts.store import Store
from gateway.environments import kept, uv
from gateway.environments.environment import RECORD, Environment
from gateway.environments.wanted import Wanted, environment_for, to_build
from gateway.errors import ArtifactError, LoadError
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.spec import RegistrySpec, RouteSpec

pytestmark = needs("uv")


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv reach no index, and keep its cache apart."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


def model(folder: Path, text: str = "numpy==1.0\nown==1.0\n") -> Wanted:
    """Write requirements that the wheels beside them fulfil: a small module has the name of numpy."""
    for name, version in (("numpy", "1.0"), ("own", "1.0"), ("own", "2.0")):
        write_wheel(folder / "wheels", name, version)
    write_wheel(folder / "wheels", "odd", "1.0", requires=("numpy==3.0",))
    path = folder / "requirements.txt"
    path.write_text(f"--no-index\n-f wheels\n{text}")
    return Wanted(requirements=path)


def ask(found: Environment, code: str) -> str:
    """Run code in an environment as the server of a model runs."""
    done = subprocess.run(
        [found.python, "-I", "-B", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take uv off this machine."""
    monkeypatch.setattr(sys, "executable", str(Path(sys.executable).with_name("absent") / "python"))
    monkeypatch.setenv("PATH", "/nowhere")


def test_it_holds_what_was_asked_for_and_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time neither uv nor the wheels are needed; size, packages and Python are told."""
    wanted = model(tmp_path)
    plan = to_build(wanted, tmp_path / "cache")
    assert plan is not None and plan.found() is None
    assert plan.label.endswith("requirements.txt (2 requirements)")
    found = environment_for(wanted, tmp_path / "cache")
    assert found.packages == {"numpy": "1.0", "own": "1.0"}
    assert ask(found, "import own; print(own.VERSION)") == "1.0"
    assert found.size_bytes > 0
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert list((Path(found.path)).rglob("own/__pycache__/*.pyc")) != []
    shutil.rmtree(tmp_path / "wheels")
    monkeypatch.setattr(uv, "find_uv", lambda: pytest.fail("uv was asked for"))
    assert environment_for(wanted, tmp_path / "cache") == found
    assert to_build(wanted, tmp_path / "cache").found() == found  # type: ignore[union-attr]
    # A cache that is reached by another name holds the same: building there would delete what runs by the first.
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    assert environment_for(wanted, tmp_path / "link") == found


def test_other_requirements_are_another_environment(tmp_path: Path) -> None:
    """Both are there side by side; what pins nothing is a warning."""
    first = environment_for(model(tmp_path), tmp_path / "cache")
    second = environment_for(model(tmp_path, "numpy==1.0\nown\n"), tmp_path / "cache")
    assert first.key != second.key
    assert (ask(first, "import own; print(own.VERSION)"), ask(second, "import own; print(own.VERSION)")) == (
        "1.0",
        "2.0",
    )
    assert first.warnings == ()
    assert second.warnings[0].startswith("requirements.txt pins no version of own: ")


def test_two_at_once_build_it_once(tmp_path: Path) -> None:
    """Routes that share an environment wait for each other."""
    wanted = model(tmp_path)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: environment_for(wanted, tmp_path / "cache"), range(3)))
    assert found[0] == found[1] == found[2]  # also the time that it took
    assert [path.name for path in (tmp_path / "cache" / "environments").iterdir()] == [found[0].key]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("numpy==1.0\nnobody==4.0\n", "'nobody==4.0' cannot be installed for Python "),
        ("own==9.0\nnumpy==1.0\n", "'own==9.0' cannot be installed for Python "),
        ("numpy==1.0\nodd==1.0\n", "cannot be installed for Python "),
    ],
)
def test_a_requirement_that_fails_is_named_with_the_words_of_uv(tmp_path: Path, text: str, named: str) -> None:
    """Nothing is left of it, and the corrected line is built."""
    with pytest.raises(LoadError) as caught:
        environment_for(model(tmp_path, text), tmp_path / "cache")
    assert caught.value.code == "environment-build"
    assert named in caught.value.message
    assert "uv says: " in caught.value.message
    assert "correct the line in requirements.txt" in (caught.value.hint or "")
    assert list((tmp_path / "cache" / "environments").iterdir()) == []
    assert environment_for(model(tmp_path), tmp_path / "cache").version_of("own") == "1.0"


def test_an_index_that_is_away_is_told_from_a_wrong_line(tmp_path: Path) -> None:
    """The fix is about the index, not about the file."""
    (tmp_path / "requirements.txt").write_text("numpy==1.26.4\n")
    with pytest.raises(LoadError) as caught:
        environment_for(Wanted(requirements=tmp_path / "requirements.txt"), tmp_path / "cache")
    assert caught.value.code == "environment-build"
    assert "reach the index" in (caught.value.hint or "")


def test_an_environment_without_numpy_is_refused_and_the_added_line_mends_it(tmp_path: Path) -> None:
    """The server of a model needs numpy, and nothing else."""
    with pytest.raises(LoadError) as caught:
        environment_for(model(tmp_path, "own==1.0\n"), tmp_path / "cache")
    assert caught.value.code == "environment-numpy"
    assert caught.value.hint == "add the line `numpy` to requirements.txt"
    assert environment_for(model(tmp_path, "own==1.0\nnumpy\n"), tmp_path / "cache").version_of("NumPy") == "1.0"


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault names the setting; the process is gone."""
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\necho $$ > pid\nexec /bin/sleep 100\n")
    slow.chmod(0o755)
    monkeypatch.setattr(uv, "find_uv", lambda: str(slow))
    with pytest.raises(LoadError) as caught:
        environment_for(model(tmp_path), tmp_path / "cache", timeout_s=0.5)
    assert (caught.value.code, "GATEWAY_ENVIRONMENT_TIMEOUT_S" in (caught.value.hint or "")) == (
        "environment-timeout",
        True,
    )


def test_uv_sees_no_secret_of_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What builds a package from its source runs code of others."""
    shows = tmp_path / "shows"
    shows.write_text("#!/bin/sh\nenv\n")
    shows.chmod(0o755)
    monkeypatch.setattr(uv, "find_uv", lambda: str(shows))
    monkeypatch.setenv("GATEWAY_MLFLOW_URI", "hushed")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hushed")
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    told = uv.run([], folder=tmp_path, timeout_s=30)
    assert "hushed" not in told
    assert "UV_INDEX_URL=http://127.0.0.1:9/simple" in told
    assert "UV_PYTHON_DOWNLOADS=never" in told


def test_without_uv_the_fault_says_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or how to do without."""
    wanted = model(tmp_path)
    plan = to_build(wanted, tmp_path / "cache")
    assert plan is not None
    monkeypatch.setattr("gateway.environments.wanted.to_build", lambda *_: plan)
    no_uv(monkeypatch)
    with pytest.raises(LoadError) as caught:
        environment_for(wanted, tmp_path / "cache")
    assert caught.value.code == "uv-missing"
    assert (caught.value.hint or "").startswith("pip install 'multi-model-gateway[environments]'")


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path) -> None:
    """A draft is never taken for an environment."""
    wanted = model(tmp_path)
    plan = to_build(wanted, tmp_path / "cache")
    assert plan is not None
    draft = plan.folder.parent / f".draft-{plan.key}-dead"
    draft.mkdir(parents=True)
    plan.folder.mkdir()
    (plan.folder / RECORD).write_text("{")
    found = environment_for(wanted, tmp_path / "cache")
    assert ask(found, "import own; print(own.VERSION)") == "1.0"
    assert not draft.exists()


def test_an_environment_whose_python_is_gone_is_built_again(tmp_path: Path) -> None:
    """As after an upgrade of the Python that it was made of."""
    wanted = model(tmp_path)
    found = environment_for(wanted, tmp_path / "cache")
    (Path(found.path) / "bin" / "python").unlink()
    again = environment_for(wanted, tmp_path / "cache")
    assert again.key == found.key
    assert ask(again, "import own; print(own.VERSION)") == "1.0"


def test_what_no_kept_generation_names_is_deleted(tmp_path: Path) -> None:
    """An environment of the committed or an earlier generation stays, and so does one that an attempt may just build."""
    cache, state = tmp_path / "cache", tmp_path / "state"
    names = {"committed": "own==1.0", "earlier": "own", "nobody": "own==2.0", "young": "own>1"}
    made = {name: environment_for(model(tmp_path, f"numpy\n{line}\n"), cache) for name, line in names.items()}
    state_files.folder_of(state).mkdir(parents=True)
    (state / state_files.COMMITTED).write_text(f'{{"argv":["{made["committed"].python}"]}}')
    (state_files.folder_of(state) / "a.json").write_text(f'{{"argv":["{made["earlier"].python}"]}}')
    draft = cache / "environments" / ".draft-0123456789abcdef-x"
    draft.mkdir()
    for one in (*(Path(made[name].path) for name in ("committed", "earlier", "nobody")), draft):
        os.utime(one, (time.time() - 2 * kept.OLD_S,) * 2)
    found = {one.key: one for one in kept.listed(cache, state)}
    assert [found[made[name].key].is_named for name in names] == [True, True, False, False]
    assert [found[made[name].key].is_committed for name in names] == [True, False, False, False]
    gone = kept.prune(cache, state)
    assert {one.key for one in gone} == {made["nobody"].key, draft.name}
    assert {path.name for path in (cache / "environments").iterdir()} == {
        made[name].key for name in ("committed", "earlier", "young")
    }


def aged(found: Environment) -> Environment:
    """Make an environment unused for an hour."""
    then = time.time() - 3600
    os.utime(found.path, (then, then))
    return found


def test_environments_make_room_for_artifacts(tmp_path: Path) -> None:
    """Beyond the budget of the cache one that no generation names goes; one that was used just now stays."""
    cache, state = tmp_path / "home/cache", tmp_path / "home/state"
    old = aged(environment_for(model(tmp_path), cache))
    new = environment_for(model(tmp_path, "numpy==1.0\nown==2.0\n"), cache)
    (tmp_path / "m.bin").write_bytes(b"m" * 100_000)
    store = Store(cache, size_below(cache), others=partial(kept.spare, cache, state))
    store.keep(tmp_path / "m.bin", digest(tmp_path / "m.bin")[0])
    assert [Path(one.path).exists() for one in (old, new)] == [False, True]
    with pytest.raises(ArtifactError) as error:
        Store(cache, 1000, others=partial(kept.spare, cache, state)).must_fit()
    assert error.value.code == "cache-full"
    assert Path(new.path).exists()


def test_an_environment_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    """It is deleted again, and the route says what it takes and what to raise."""
    wanted = model(tmp_path)
    assert wanted.requirements is not None
    (tmp_path / "model.py").write_text("def predict(a: float) -> float:\n    return a\n")
    spec = RouteSpec(
        path="/m", name="m", artifact="model.py:predict", loader="process", base=str(tmp_path),
        executor=ExecutorKeys(kind="process", requirements="requirements.txt"),
    )  # fmt: skip
    cache = tmp_path / "home/cache"
    found = prepare_registry(RegistrySpec(routes=(spec,)), cache, PrepareLimits(cache_bytes=64 * 1024))["m"]
    assert found.problem is not None
    assert (found.problem.code, "requirements.txt takes" in found.problem.message) == ("cache-full", True)
    assert "GATEWAY_CACHE_MB" in str(found.problem.hint)
    assert [one for one in (cache / "environments").iterdir() if one.is_dir()] == []
