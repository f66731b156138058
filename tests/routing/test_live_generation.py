"""How many predicts run at once in a worker: threads for all routes together, and the most that one route may hold."""

from pathlib import Path

import pytest

from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.generations import snapshot
from gateway.registry.load import load_registry
from gateway.rest.describe.catalog import describe
from gateway.routing.live_generation import Generation, GenerationBuilder
from gateway.schema import Field, Output, Signature
from gateway.scoreboard import Scoreboard

SIGNATURE = Signature(inputs=(Field(name="x"),), output=Output())


def built(folder: Path, threads: int, *concurrency: int) -> tuple[GenerationBuilder, Generation]:
    """Return the generation of routes with these values of `max_concurrency`."""
    artifact = folder / "m.stub"
    artifact.write_text('{"inputs": ["x"]}')
    lines = [f"  /r{i}: {{artifact: m.stub, max_concurrency: {n}}}\n" for i, n in enumerate(concurrency)]
    (folder / "registry.yaml").write_text("version: 1\nroutes:\n" + "".join(lines))
    registry = load_registry(folder / "registry.yaml")
    stored = StoredArtifact(path=str(artifact), sha256="", size_bytes=1, origin=str(artifact))
    manifests = {
        spec.name: Manifest(key=spec.name, loader="stub", artifact=stored, signature=SIGNATURE)
        for spec in registry.routes
    }
    scoreboard = Scoreboard.create(folder / "scoreboard", slots=1, routes=8)
    builder = GenerationBuilder(scoreboard, scoreboard.claim(), folder, threads)
    return builder, builder.make(snapshot.make(registry, manifests))


@pytest.mark.parametrize(
    ("threads", "concurrency", "size"),
    [(8, (1,), 8), (8, (2, 2, 2, 2, 2), 14), (1, (1,), 5), (300, (1,), 300), (8, (1000, 1000), 256)],
)
def test_a_worker_has_a_thread_for_every_predict_of_every_route(
    threads: int, concurrency: tuple[int, ...], size: int, tmp_path: Path
) -> None:
    """GATEWAY_PREDICT_THREADS is the least; all max_concurrency and four more where that is more, up to 256."""
    builder, _ = built(tmp_path, threads, *concurrency)
    assert builder.pool.size == size


@pytest.mark.parametrize(("asked", "held"), [(1, 1), (64, 64), (65, 64), (1024, 64)])
def test_one_route_holds_no_more_than_the_executor_can_run(asked: int, held: int, tmp_path: Path) -> None:
    """The limit that holds is the one that /routes shows, for all workers."""
    _, generation = built(tmp_path, 8, asked)
    route = generation.table.by_name["r0"]
    assert route.counters.bulkhead.max_concurrency == held
    assert describe(route, "http://x", strict=True, workers=2)["limits"]["max_concurrency"] == 2 * held
