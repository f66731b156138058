"""Which failures refuse a change, and which committed versions go on serving in the place of what fails."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.generations.fallback import fallback_text, has_bytes, keep_working, newly_failing

from .states import failed, generation, ready, registry, route


def stored(path: Path, key: str = "old") -> Manifest:
    """Return the manifest of a model whose bytes lie at `path`."""
    artifact = StoredArtifact(path=str(path), sha256="ab" * 32, size_bytes=1, origin="/o/m.stub")
    return replace(ready(key), artifact=artifact)


def refused_by(before: tuple, after: tuple, fallbacks: dict[str, str] | None = None) -> list[str]:  # type: ignore[type-arg]
    """Return which paths refuse the change of one route."""
    committed = replace(generation(before), fallbacks=fallbacks or {})
    spec, found = after
    return list(newly_failing(committed, registry(spec), {spec.name: found}))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param((route("m"), ready("1")), (route("m"), ready("2")), [], id="nothing fails"),
        pytest.param((route("m"), ready("1")), (route("m"), failed("2")), ["/m"], id="a change that fails"),
        pytest.param((route("other"), ready("1")), (route("m"), failed("2")), ["/m"], id="a new route that fails"),
        pytest.param((route("m"), failed("1")), (route("m"), failed("1")), [], id="it failed alike before"),
        pytest.param((route("m"), failed("1")), (route("m"), failed("2")), ["/m"], id="it fails for other bytes"),
        pytest.param(
            (route("m"), failed("1")), (route("m", artifact="n.stub"), failed("1")), ["/m"], id="another artifact"
        ),
        pytest.param(
            (route("m"), failed("1")), (route("m", timeout_s=9.0), failed("1")), [], id="only a limit was edited"
        ),
    ],
)
def test_only_a_new_failure_refuses(before: tuple, after: tuple, expected: list[str]) -> None:  # type: ignore[type-arg]
    """A route that fails as it failed before blocks no edit of others; every other failure refuses the change."""
    assert refused_by(before, after) == expected


def test_a_failure_that_is_covered_already_refuses_nothing() -> None:
    """A route that serves its committed version because of this very failure does not block the next edit."""
    before, after = (route("m"), ready("1")), (route("m"), failed("2"))
    assert refused_by(before, after, {"m": "2"}) == []
    assert refused_by(before, after, {"m": "3"}) == ["/m"]


def test_a_working_version_stands_in_for_one_that_fails(tmp_path: Path) -> None:
    """Entry and manifest of the committed version serve on; the failure that it covers is remembered by its key."""
    (tmp_path / "bytes").touch()
    old = stored(tmp_path / "bytes")
    before = generation((route("m", timeout_s=1.0), old))
    wanted = registry(route("m", timeout_s=9.0), route("n"))
    kept, manifests, fallbacks = keep_working(before, wanted, {"m": failed("new"), "n": ready("n")})
    assert kept == registry(route("m", timeout_s=1.0), route("n"))
    assert manifests == {"m": old, "n": ready("n")}
    assert fallbacks == {"m": "new"}


def test_it_serves_at_the_path_that_is_wanted_now() -> None:
    """A route that moved and fails serves its committed version at the new path."""
    before = generation((route("m"), ready("old")))
    kept, _, _ = keep_working(before, registry(route("m", path="/moved")), {"m": failed("new")})
    assert [spec.path for spec in kept.routes] == ["/moved"]


@pytest.mark.parametrize(
    ("before", "found"),
    [
        pytest.param((route("other"), ready("o")), failed("new"), id="never committed"),
        pytest.param((route("m"), failed("old")), failed("new"), id="failed before"),
        pytest.param((route("m"), stored(Path("/nowhere/bytes"))), failed("new"), id="bytes are gone"),
        pytest.param((route("m"), ready("old")), failed("new", "wrong-sha256"), id="about rightness"),
        pytest.param((route("m"), ready("old")), failed("new", "forbidden-pickle"), id="about safety"),
        pytest.param((route("m"), ready("old")), ready("new"), id="it does not fail"),
    ],
)
def test_nothing_stands_in(before: tuple, found: Manifest) -> None:  # type: ignore[type-arg]
    """What never served, cannot serve, or may be as wrong or unsafe itself does not serve in the place of another."""
    wanted = registry(route("m"))
    assert keep_working(generation(before), wanted, {"m": found}) == (wanted, {"m": found}, {})


def test_bytes_in_the_cache(tmp_path: Path) -> None:
    """A model without bytes of its own lacks none; another one has them while its file is there."""
    (tmp_path / "bytes").touch()
    assert has_bytes(ready("1"))
    assert has_bytes(stored(tmp_path / "bytes"))
    assert not has_bytes(stored(tmp_path / "gone"))


def test_each_fallback_says_why() -> None:
    """The note names each route with the failure that it covers."""
    assert fallback_text({}, {}) == ""
    assert fallback_text({"m": "new"}, {"m": failed("new", message="no such file")}) == (
        "m: no such file; its committed version goes on serving"
    )
