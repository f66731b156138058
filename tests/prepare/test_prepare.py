"""Whatever an artifact does while it is loaded, preparing answers in time with a manifest, and remembers it by key."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.artifacts import manifest
from gateway.artifacts.manifest import Manifest
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.system import descendants
from serving import ROOT, absolute, until

LIMITS = PrepareLimits(timeout_s=20.0, memory_bytes=600 * 2**20)


class House:
    """Hold a folder with a registry, artifacts and a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.prepared = 0

    def stub(self, name: str = "m.stub", **script: Any) -> None:
        """Write an artifact."""
        (self.folder / name).write_text(json.dumps({"inputs": ["a"], **script}))

    def prepare(self, entry: str, *, limits: PrepareLimits = LIMITS, retry: bool = False) -> Manifest:
        """Prepare one route; `prepared` counts the children that were needed."""
        return self.prepare_all(f"version: 1\nroutes:\n  /m: {entry}\n", limits=limits, retry=retry)["m"]

    def prepare_all(self, text: str, *, limits: PrepareLimits = LIMITS, retry: bool = False) -> dict[str, Manifest]:
        """Prepare a whole registry."""
        (self.folder / "registry.yaml").write_text(text)
        before = self._written()
        found = prepare_registry(load_registry(self.folder / "registry.yaml"), self.cache, limits, retry=retry)
        self.prepared = len(self._written() - before)
        return found

    def _written(self) -> set[tuple[str, int]]:
        folder = self.cache / "manifests"
        return {(path.name, path.stat().st_mtime_ns) for path in folder.glob("*.json")}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return an empty house with one sound stub."""
    made = House(tmp_path)
    made.stub()
    return made


def problem(found: Manifest) -> tuple[str, str]:
    """Return code and reason of a failed manifest, which must also say what to do."""
    assert found.problem is not None
    assert found.problem.hint
    assert found.state == "failed"
    return found.problem.code, found.problem.message


def test_a_template_is_held_against_the_model(house: House) -> None:
    """What only the artifact knows, its labels and fields, is checked before it serves; mending it costs no child."""
    house.stub(output={"kind": "classification", "labels": ["no", "yes"], "probabilities": True})
    found = house.prepare("{artifact: m.stub, response: {p: $probability.yse, x: $inputs.aa}}")
    code, reason = problem(found)
    assert code == "bad-template"
    assert "there is no label 'yse'" in reason
    assert "there is no field 'aa'" in reason
    mended = house.prepare("{artifact: m.stub, response: {p: $probability.yes, x: $inputs.a}}")
    assert (mended.problem, house.prepared) == (None, 0)


def test_manifest_tells_everything(house: House) -> None:
    """Nobody needs to load the artifact again to know signature, size, times and versions."""
    found = house.prepare("{artifact: m.stub}")
    assert found.state == "ready"
    assert found.signature is not None
    assert found.signature.names == ("a",)
    assert found.artifact is not None
    assert found.artifact.size_bytes == (house.folder / "m.stub").stat().st_size
    assert Path(found.artifact.path).read_bytes() == (house.folder / "m.stub").read_bytes()
    assert found.load_s > 0
    assert manifest.read(house.cache / "manifests" / f"{found.key}.json") == found


def test_prepared_once(house: House) -> None:
    """The second time nothing is loaded: the manifest comes out of the cache."""
    first = house.prepare("{artifact: m.stub}")
    assert house.prepared == 1
    assert house.prepare("{artifact: m.stub}") == first
    assert house.prepared == 0


def test_keys_that_do_not_change_the_model_reuse_it(house: House) -> None:
    """Limits, aliases, descriptions and even the path may change without preparing anew."""
    house.prepare("{artifact: m.stub}")
    house.prepare("{artifact: m.stub, timeout_s: 9, aliases: [/n], description: New, max_queue: 3, critical: true}")
    assert house.prepared == 0


@pytest.mark.parametrize(
    "entry",
    ["{artifact: m.stub, inputs: {a: {minimum: 0}}}", "{artifact: m.stub, outputs: {decimals: 2}}"],
)
def test_keys_that_change_the_model_prepare_it(house: House, entry: str) -> None:
    """What changes signature or answers is prepared anew."""
    first = house.prepare("{artifact: m.stub}")
    second = house.prepare(entry)
    assert house.prepared == 1
    assert second.key != first.key


def test_changed_bytes_are_another_model(house: House) -> None:
    """The same name with other bytes is prepared anew; the old bytes stay for the generation that serves them."""
    first = house.prepare("{artifact: m.stub}")
    house.stub(answer=7)
    second = house.prepare("{artifact: m.stub}")
    assert house.prepared == 1
    assert first.artifact is not None
    assert second.artifact is not None
    assert first.artifact.sha256 != second.artifact.sha256
    assert Path(first.artifact.path).exists()


def test_changed_golden_rows_are_checked(house: House) -> None:
    """New golden rows re-score the model although its bytes are the same."""
    rows = {"version": 1, "instances": [{"a": 2}], "predictions": [{"value": 2.0}]}
    (house.folder / "golden.json").write_text(json.dumps(rows))
    found = house.prepare("{artifact: m.stub}")
    assert found.golden is not None
    assert found.golden.rows == 1
    rows["predictions"] = [{"value": 3.0}]
    (house.folder / "golden.json").write_text(json.dumps(rows))
    assert problem(house.prepare("{artifact: m.stub}"))[0] == "golden-mismatch"


def test_damaged_manifest_is_made_again(house: House) -> None:
    """Half a manifest, or one of another format, is no answer."""
    first = house.prepare("{artifact: m.stub}")
    path = house.cache / "manifests" / f"{first.key}.json"
    path.write_bytes(path.read_bytes()[:100])
    assert house.prepare("{artifact: m.stub}").state == "ready"
    path.write_text(path.read_text().replace(f'"format": {manifest.MANIFEST_FORMAT}', '"format": 0'))
    assert house.prepare("{artifact: m.stub}").state == "ready"
    assert house.prepared == 1


def test_deleted_cache_is_made_again(house: House) -> None:
    """A cached artifact that someone deleted is copied and prepared again."""
    first = house.prepare("{artifact: m.stub}")
    assert first.artifact is not None
    Path(first.artifact.path).unlink()
    again = house.prepare("{artifact: m.stub}")
    assert again.artifact is not None
    assert Path(again.artifact.path).exists()


@pytest.mark.parametrize(
    ("script", "limits", "code", "reason"),
    [
        ({"load_exit": -11}, LIMITS, "prepare-crashed", "signal 11"),
        ({"load_exit": -9}, LIMITS, "prepare-killed", "signal 9"),
        ({"load_exit": 3}, LIMITS, "prepare-crashed", "exited with 3"),
        ({"load_exit": 0}, LIMITS, "prepare-crashed", "exited"),
        ({"exit": -6}, LIMITS, "prepare-crashed", "signal 6"),
        ({"load_sleep_s": 600}, PrepareLimits(timeout_s=1.5), "prepare-timeout", "longer than 1.5 s"),
        ({"load_allocate_bytes": -1}, PrepareLimits(memory_bytes=300 * 2**20), "prepare-memory", "300 MB"),
        ({"load_raise": "no such thing"}, LIMITS, "stub", "no such thing"),
    ],
    ids=["segfault", "killed", "exits", "exits-silently", "aborts-in-predict", "hangs", "eats-memory", "raises"],
)
def test_bad_end_of_a_child(
    house: House, script: dict[str, Any], limits: PrepareLimits, code: str, reason: str
) -> None:
    """However the child ends, its route FAILED with a reason and a fix; the parent goes on."""
    house.stub(**script)
    found = house.prepare("{artifact: m.stub}", limits=limits)
    assert problem(found)[0] == code
    assert reason in problem(found)[1]


def test_hang_is_not_waited_for_twice(house: House) -> None:
    """A model that hung is remembered as such; `retry` asks again."""
    house.stub(load_sleep_s=600)
    limits = PrepareLimits(timeout_s=1.0)
    house.prepare("{artifact: m.stub}", limits=limits)
    house.prepare("{artifact: m.stub}", limits=limits)
    assert house.prepared == 0
    house.prepare("{artifact: m.stub}", limits=limits, retry=True)
    assert house.prepared == 1


def test_environment_that_was_repaired_is_seen(house: House) -> None:
    """A failure that may lie in the environment is asked again each time: nobody has to know of a cache."""
    (house.folder / "m.py").write_text("import late\n\ndef predict(a: float): return late.VALUE\n")
    assert problem(house.prepare("{artifact: 'm.py:predict'}"))[0] == "python-import"
    (house.folder / "late.py").write_text("VALUE = 1\n")
    assert house.prepare("{artifact: 'm.py:predict'}").state == "ready"


def test_chatter_does_not_spoil_the_manifest(house: House) -> None:
    """A model that prints while it is loaded, in Python or below, spoils nothing."""
    (house.folder / "m.py").write_text(
        "import os\nprint('{' * 100)\nos.write(1, b'}' * 200_000)\n\n"
        "def predict(a: float):\n    print(a)\n    return a\n"
    )
    assert house.prepare("{artifact: 'm.py:predict'}").state == "ready"


def test_child_that_leaves_a_process(house: House) -> None:
    """A process that a model started and left holds up nothing, and is ended."""
    (house.folder / "m.py").write_text(
        "import pathlib, subprocess\n"
        "child = subprocess.Popen(['sleep', '3600'])\n"
        f"pathlib.Path({str(house.folder / 'pid')!r}).write_text(str(child.pid))\n\n"
        "def predict(a: float):\n    return a\n"
    )
    assert house.prepare("{artifact: 'm.py:predict'}").state == "ready"
    pid = int((house.folder / "pid").read_text())
    # Long before it would end by itself.
    until(lambda: not _runs(pid), what="the end of the process")


def _runs(pid: int) -> bool:
    try:
        return "(sleep) Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_the_end_of_a_child_spares_those_beside_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of its exec a process shows no environment, and so no mark: it is known by its number."""
    monkeypatch.setattr(descendants, "mark_of", lambda *_: None)
    house.stub("crash.stub", load_sleep_s=2, load_exit=-11)
    house.stub("slow.stub", load_sleep_s=3)
    # As many as are prepared at a time: the slow one begins when a quick one has ended, long after the one that crashes.
    quick = "".join(
        f"  /q{number}: {{artifact: m.stub, max_rows: {number + 1}}}\n"
        for number in range(max(2, os.cpu_count() or 2) - 1)
    )
    found = house.prepare_all(f"version: 1\nroutes:\n  /crash: crash.stub\n{quick}  /slow: slow.stub\n")
    assert problem(found["crash"])[0] == "prepare-crashed"
    assert found["slow"].state == "ready", found["slow"].problem


def test_one_bad_entry_of_many(house: House) -> None:
    """Each entry stands alone: crash, absence and wrong pins beside sound ones."""
    house.stub("crash.stub", load_exit=-11)
    found = house.prepare_all(
        "version: 1\nroutes:\n  /a: m.stub\n  /b: crash.stub\n  /c: gone.stub\n"
        f"  /d: {{artifact: m.stub, sha256: '{'0' * 64}'}}\n"
        "  /e: {artifact: m.stub, inputs: {zzz: {}}}\n  /f: m.stub\n"
    )
    assert [name for name, one in found.items() if one.state == "ready"] == ["a", "f"]
    codes = {name: problem(one)[0] for name, one in found.items() if one.problem}
    assert (codes["b"], codes["c"], codes["d"]) == ("prepare-crashed", "artifact-missing", "wrong-sha256")
    assert "zzz" in problem(found["e"])[1]


def test_cache_that_cannot_be_written(house: House) -> None:
    """Without a place for copies every route fails with that reason; nothing is raised, and once there is one all is well."""
    unmounted = house.cache.parent / "unmounted"
    house.cache.symlink_to(unmounted)
    assert problem(house.prepare("{artifact: m.stub}"))[0] == "cache-unwritable"
    unmounted.mkdir()
    assert house.prepare("{artifact: m.stub}").state == "ready"


def test_five_models(house: House, cache: Path) -> None:
    """The five shipped models pass their own golden rows here, with these library versions."""
    house.cache = cache
    found = house.prepare_all(absolute((ROOT / "registry.yaml").read_text()), limits=PrepareLimits())
    assert {name: one.problem for name, one in found.items()} == dict.fromkeys(found)
    for one in found.values():
        assert one.golden is not None
        assert one.golden.rows >= 10
        assert one.versions


def test_routes_with_one_key_are_prepared_once(house: House) -> None:
    """Two routes that differ in nothing that preparing finds out share one child, one manifest and one compiled model."""
    house.stub("m.stub", load_sleep_s=0.3)
    found = house.prepare_all("version: 1\nroutes:\n" + "".join(f"  /m{i}: m.stub\n" for i in range(4)))
    assert len({one.key for one in found.values()}) == 1
    assert {one.state for one in found.values()} == {"ready"}
    assert all(one is found["m0"] or one == found["m0"] for one in found.values())
    assert [path.suffix for path in (house.cache / "manifests").iterdir()] == [".json"]
