"""The model that a command asks for answers: a route of the registry, or the files of an artifact."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.artifacts import source_files
from gateway.artifacts.digests import Digests
from gateway.artifacts.resolution import Resolution
from gateway.artifacts.store import Store
from gateway.cli.command import display_path
from gateway.cli.named_artifact import NamedArtifact, named_artifact
from gateway.cli.place import limits_of, place_of
from gateway.errors import GatewayError
from gateway.generations import snapshot
from gateway.prepare.cache_key import are_alone, make_entry
from gateway.prepare.entries import DIGESTS
from gateway.prepare.entry import Entry
from gateway.registry.files import holds_pickle
from gateway.registry.load import load_registry
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.settings.settings import Settings
from gateway.system.owned_folders import temporary_folder
from gateway.system.suggest import did_you_mean, listing


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedModel:
    """
    Hold an entry to ask, the server that its route belongs to, and the place of its golden rows.

    `is_found` says that a route with this artifact takes the file at `golden` by itself.
    """

    shown: str
    entry: Entry
    server: ServerSpec
    golden: Path
    is_found: bool
    is_route: bool


@contextlib.contextmanager
def asked_model(
    settings: Settings,
    texts: Sequence[str],
    loader: str | None,
    *,
    allow_pickle: bool,
    allow_types: tuple[str, ...],
) -> Iterator[AskedModel]:
    """Find the route of this path, or the artifact of these files; raises GatewayError. Golden rows are left aside."""
    if len(texts) == 1 and texts[0].startswith("/") and not Path(texts[0]).exists():
        yield _route(settings, texts[0])
        return
    with named_artifact(settings, texts, loader) as named, temporary_folder() as folder:
        pickle = next((one for one, path in zip(texts, named.paths, strict=True) if holds_pickle(one, path)), None)
        if pickle is not None and not allow_pickle:
            raise GatewayError(
                f"'{pickle}' is a pickle, which can run any code when it is loaded",
                code="pickle-not-allowed",
                hint="read its imports with `gateway describe`, then say --allow-pickle",
            )
        spec = replace(_asked_spec(named, allow_pickle=allow_pickle), allow_types=allow_types)
        if allow_pickle and named.resolution is None:
            hashes = tuple(source_files.digest(path)[0] for path in named.paths)
            spec = replace(spec, sha256=hashes[0] if len(hashes) == 1 else hashes)
        entry = _entry(settings, spec, Path(folder))
        place = _beside(settings, named.resolution) if named.resolution else _place(spec, named.paths)
        yield AskedModel(
            shown=named.text,
            entry=entry,
            server=ServerSpec(),
            golden=place,
            is_found=named.resolution is None and _takes(named.paths, place),
            is_route=False,
        )


def _asked_spec(named: NamedArtifact, *, allow_pickle: bool) -> RouteSpec:
    return RouteSpec(
        path="/golden",
        name="golden",
        artifact=named.texts[0] if len(named.texts) == 1 else named.texts,
        loader=named.loader,
        base=str(Path.cwd()),
        allow_pickle=allow_pickle,
        resolved=named.resolution,
    )


def route_named(registry: RegistrySpec, path: str, shown: Path) -> RouteSpec:
    """Return the route of a path or an alias; raises GatewayError "no-such-route" with the nearest ones."""
    for spec in registry.routes:
        if path in {spec.path, *spec.aliases}:
            return spec
    paths = [spec.path for spec in registry.routes]
    raise GatewayError(
        f"{shown} has no route '{path}' ({listing(paths)})",
        code="no-such-route",
        hint=did_you_mean(path, paths) or "name one of its routes; a new one is added by: gateway add",
    )


def _route(settings: Settings, path: str) -> AskedModel:
    shown = display_path(settings.registry)
    registry = load_registry(shown, root_path=settings.root_path)
    place = place_of(settings)
    registry = place.resolve(registry, snapshot.committed(place.state_dir), "new").registry
    spec = route_named(registry, path, shown)
    # Rows that fail, or are missing, are to be replaced by those that this command writes.
    entry = _entry(settings, replace(spec, golden=None), settings.cache_dir)
    sources = [Path(source.origin) for source in (entry.artifact.sources if entry.artifact else ())]
    if spec.golden is not None:
        golden, is_found = Path(spec.base, spec.golden), True
    elif spec.reference:
        golden, is_found = Path(spec.base, f"{spec.name}.golden.json"), False
    else:
        golden = _place(spec, sources)
        is_found = _takes(sources, golden)
    return AskedModel(shown=path, entry=entry, server=registry.server, golden=golden, is_found=is_found, is_route=True)


def _entry(settings: Settings, spec: RouteSpec, cache_dir: Path) -> Entry:
    limits = limits_of(settings)
    entry = make_entry(spec, cache_dir, Digests(cache_dir / DIGESTS), Store(cache_dir, limits.cache_bytes), limits)
    return replace(entry, golden="")


def _beside(settings: Settings, found: Resolution) -> Path:
    """Return a place for golden rows of a reference: a golden.json there may be that of a file beside the registry."""
    name = (found.name or f"run-{found.run_id[:8]}").replace("/", "-")
    return settings.registry.absolute().parent / f"{name}.golden.json"


def _place(spec: RouteSpec, sources: Sequence[Path]) -> Path:
    """Return where golden rows of an artifact are looked for by themselves."""
    last = sources[-1]
    return (last if spec.loader == "python" and last.is_dir() else last.parent) / "golden.json"


def _takes(sources: Sequence[Path], place: Path) -> bool:
    """Say whether a route takes the file at this place without naming it."""
    return place.parent == sources[-1] or are_alone(sources)
