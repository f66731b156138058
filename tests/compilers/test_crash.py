"""Whatever a compiler does to the process that runs it, the original serves, and `/routes` says why there is no compiled model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.artifacts.manifest import Manifest
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import is_known, prepare_registry
from gateway.registry.load import load_registry
from serving import running

#: What the compiler does, the limits it meets, the code that the manifest keeps, and words of the reason.
ENDS: dict[str, tuple[str, PrepareLimits, str, str]] = {
    "aborts": ("os.abort()", PrepareLimits(), "prepare-crashed", "killed by signal 6: Fatal Python error: Aborted"),
    "segfaults": ("ctypes.string_at(0)", PrepareLimits(), "prepare-crashed", "killed by signal 11"),
    "exits": ("os._exit(3)", PrepareLimits(), "prepare-crashed", "exited with 3"),
    "exits-silently": ("os._exit(0)", PrepareLimits(), "prepare-crashed", "exited with 0 before it was done"),
    "leaves-python": ("sys.exit('bye')", PrepareLimits(), "prepare-crashed", "exited with 1: bye"),
    "loops": ("while True: pass", PrepareLimits(timeout_s=4.0), "prepare-timeout", "longer than 4 s"),
    "eats-memory": (
        "kept = [bytearray(20 << 20) for _ in iter(lambda: time.sleep(0.02), 1)]",
        PrepareLimits(memory_bytes=400 << 20),
        "prepare-memory",
        "allowed are 400 MB",
    ),
    "is-killed": ("os.kill(os.getpid(), 9)", PrepareLimits(), "prepare-killed", "killed from outside"),
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what installs a compiler, as a package beside the gateway, whose `lower` runs some code."""

    def put(code: str, loader: str = "stub") -> None:
        site = tmp_path / "site"
        metadata = site / "crashing-1.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[gateway.compilers]\n{loader} = crashing:Compiler\n")
        (site / "crashing.py").write_text(
            "import ctypes, os, sys, time\n\n\nclass Compiler:\n    name = 'crashing'\n\n"
            f"    def lower(self, predictor):\n        {code}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(site))

    return put


def prepared(folder: Path, limits: PrepareLimits, keys: str = "", *, retry: bool = False) -> Manifest:
    """Prepare a stub, and nothing else."""
    (folder / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    (folder / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: {{artifact: m.stub{keys}}}\n")
    return prepare_registry(load_registry(folder / "registry.yaml"), folder / "cache", limits, retry=retry)["m"]


@pytest.mark.parametrize(
    "end", [pytest.param(end, marks=pytest.mark.slow if end in ("segfaults", "exits") else ()) for end in ENDS]
)
def test_the_original_is_kept(end: str, tmp_path: Path, install: Callable[..., None]) -> None:
    """A real end of the real child while it compiles costs the compiled model alone; the reason names it and how to try again."""
    code, limits, problem, reason = ENDS[end]
    install(code)
    found = prepared(tmp_path, limits)
    assert found.problem is None
    assert found.signature is not None
    assert found.signature.names == ("a",)
    assert found.predict_s > 0
    assert found.compiled is None
    assert found.compile_problem == problem
    assert reason in found.compile_declined
    assert "gateway prepare --retry" in found.compile_declined
    assert not list((tmp_path / "cache").glob("compiled/*"))


def test_a_compiler_that_works_is_found_by_its_entry_point(tmp_path: Path, install: Callable[..., None]) -> None:
    """The same package without the crash is asked, and its reason is what `/routes` shows."""
    install("raise ValueError('not this one')")
    found = prepared(tmp_path, PrepareLimits())
    assert found.compile_declined == "the compiler crashing raised ValueError: not this one"
    assert found.compile_problem == ""


def test_a_crash_is_remembered_until_retry(tmp_path: Path, install: Callable[..., None]) -> None:
    """A crash would only come again: the manifest holds until `retry`, but not where somebody killed the child."""
    install("os.abort()")
    first = prepared(tmp_path, PrepareLimits())
    registry = load_registry(tmp_path / "registry.yaml")
    assert is_known(registry, tmp_path / "cache")
    install_again = tmp_path / "site" / "crashing.py"
    install_again.write_text(install_again.read_text().replace("os.abort()", "os.kill(os.getpid(), 9)"))
    assert prepared(tmp_path, PrepareLimits()) == first
    killed = prepared(tmp_path, PrepareLimits(), retry=True)
    assert killed.compile_problem == "prepare-killed"
    assert not is_known(registry, tmp_path / "cache")


def test_require_fails_with_the_crash(tmp_path: Path, install: Callable[..., None]) -> None:
    """A route that insists on its compiled model is refused, and the crash is the reason."""
    install("os.abort()")
    found = prepared(tmp_path, PrepareLimits(), ", compile: require")
    assert found.problem is not None
    assert found.problem.code == "compile-required"
    assert "signal 6" in found.problem.message


def test_a_model_that_is_too_large_itself_is_still_refused(tmp_path: Path, install: Callable[..., None]) -> None:
    """Memory that the model took before anything was compiled is the model's own."""
    install("time.sleep(20)", "python")
    (tmp_path / "big.py").write_text("held = bytearray(300 << 20)\nheld[::4096] = b'x' * len(held[::4096])\n")
    (tmp_path / "m.py").write_text("import big\n\ndef predict(a: float): return a\n")
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /m: {artifact: 'm.py:predict'}\n")
    registry = load_registry(tmp_path / "registry.yaml")
    found = prepare_registry(registry, tmp_path / "cache", PrepareLimits(memory_bytes=200 << 20))["m"]
    assert found.problem is not None
    assert found.problem.code == "prepare-memory"


def test_the_route_answers_and_says_why(tmp_path: Path, install: Callable[..., None]) -> None:
    """A gateway whose compiler aborts serves the route; /routes tells the signal."""
    install("os.abort()")
    (tmp_path / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    registry = f"version: 1\nroutes:\n  /m: {tmp_path / 'm.stub'}\n"
    (tmp_path / "cache").mkdir()
    with running(tmp_path / "gateway", tmp_path / "cache", registry, workers=1) as server:
        answer = server.get("/m", a=2)
        assert answer.status == 200
        (entry,) = [route for route in server.get("/routes").json["routes"] if route["path"] == "/m"]
        assert entry["compiled"] is None
        assert "signal 6" in entry["not_compiled_because"]
