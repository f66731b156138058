"""Python routes of a running gateway: a replaced file reaches all workers, a file that no run opened is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import Gateway, running, until

CODE = """
import json
from collections.abc import Iterator
from pathlib import Path

def predict(name: str) -> str:
    return open("w.txt").read() + json.loads((Path(__file__).parent / f"{name}.json").read_text())
"""
REGISTRY = "version: 1\nroutes:\n  /listed: {artifact: a/m.py, files: ['*.json']}\n  /bare: b/m.py\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve two routes of one code, one of which lists its files, with two workers."""
    folder = tmp_path_factory.mktemp("python")
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "m.py").write_text(CODE)
        (folder / name / "w.txt").write_text(name)
        (folder / name / "late.json").write_text('"-1"')
    registry = folder / "registry.yaml"
    registry.write_text(REGISTRY)
    with running(folder / "g", cache, registry, workers=2) as found:
        yield found


def answers(gateway: Gateway, path: str) -> set[str]:
    """Ask several times, over connections of their own, so that both workers answer."""
    return {gateway.get(path, name="late").json.get("prediction", "") for _ in range(12)}


def test_a_replaced_file_reaches_all_workers(gateway: Gateway) -> None:
    """A file that only `files:` knows is another version in every worker, seconds after it was replaced."""
    folder = gateway.registry.parent
    assert answers(gateway, "/listed") == {"a-1"}
    (folder / "a" / "late.json").write_text('"-2"')
    until(lambda: answers(gateway, "/listed") == {"a-2"}, 60, what="the new version")
    (folder / "a" / "w.txt").write_text("c")
    until(lambda: answers(gateway, "/listed") == {"c-2"}, 60, what="the new version")


def test_a_file_that_no_run_opened_is_named_with_its_key(gateway: Gateway) -> None:
    """The fault says which file, and the key that it tells cures it."""
    found = gateway.get("/bare", name="late")
    assert (found.status, found.json["type"]) == (503, "urn:gateway:error:python-file-missing")
    assert "`files: [late.json]`" in found.json["hint"]
    text = gateway.registry.read_text().replace("/bare: b/m.py", "/bare: {artifact: b/m.py, files: [late.json]}")
    gateway.registry.write_text(text)
    until(lambda: answers(gateway, "/bare") == {"b-1"}, 60, what="the cured route")
