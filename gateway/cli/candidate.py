"""The candidate that `gateway promote` names: keys of its entry in registry.yaml, with pin and version."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.artifacts import code_folders, code_listing
from gateway.artifacts.mlflow_reference import is_reference
from gateway.artifacts.source_files import digest
from gateway.cli.named_artifact import NamedArtifact, named_artifact
from gateway.errors import ArtifactError, GatewayError
from gateway.loaders.sniffing import sniff
from gateway.registry.add import one_or_list, quoted, relative_artifact
from gateway.registry.files import holds_pickle
from gateway.registry.spec import RouteSpec
from gateway.settings.settings import Settings
from gateway.system import files
from gateway.system.suggest import listing

#: Digits of a sha256 that name a version where nobody gives it another name.
_VERSION_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Hold what a command line says of a candidate; `golden` is a file of its golden rows, "" for none said."""

    artifacts: tuple[str, ...]
    loader: str | None
    allow_pickle: bool
    version: str | None
    golden: str

    @property
    def is_reference(self) -> bool:
        """Say whether it is named by a reference into an MLflow store."""
        return len(self.artifacts) == 1 and is_reference(self.artifacts[0])


def entry_keys(settings: Settings, candidate: Candidate, route: RouteSpec, base: Path) -> dict[str, str | None]:
    """Return the keys of the entry as YAML, None for a key that goes; raises GatewayError."""
    kind = route.executor.kind
    if kind == "upstream":
        raise GatewayError(
            f"the model of '{route.path}' is on another server (executor: upstream), and no file is served here",
            code="promote-elsewhere",
            hint="bring the new model onto that server, or write the `url` of another one; then: gateway reload",
        )
    keys: dict[str, str | None] = {}
    if candidate.loader is not None:
        keys["loader"] = quoted(candidate.loader)
    # An opt-in for the served pickle says nothing about the candidate, nor about what an alias names tomorrow.
    keys["allow_pickle"] = "true" if candidate.allow_pickle else None
    if candidate.is_reference:
        # What the reference names is pinned by its digest in the generation.
        version = None if candidate.version is None else quoted(candidate.version)
        keys |= {"artifact": quoted(candidate.artifacts[0]), "sha256": None, "version": version}
        return keys | _golden(candidate, route, base, None)
    with named_artifact(settings, candidate.artifacts, candidate.loader, kind) as named:
        _refuse_pickle(candidate, named)
        pins = _pins(named, route, base)
        version = candidate.version or (pins[0] if len(pins) == 1 else named.stored.sha256)[:_VERSION_DIGITS]
        keys |= {
            "artifact": one_or_list([quoted(relative_artifact(text, base)) for text in candidate.artifacts]),
            "sha256": one_or_list([quoted(pin) for pin in pins]),
            "version": quoted(version),
        }
        return keys | _golden(candidate, route, base, named.paths[-1])


def refuse_other_loader(candidate: Candidate, spec: RouteSpec) -> None:
    """Raise GatewayError where the entry names a loader that does not read the candidate."""
    if candidate.loader is not None or candidate.is_reference or len(candidate.artifacts) != 1:
        return
    if spec.executor.kind != "local":  # its server finds out how it is loaded
        return
    fitting = sniff(Path.cwd() / candidate.artifacts[0].partition(".py:")[0], candidate.artifacts[0])
    if fitting and spec.loader not in fitting:
        raise GatewayError(
            f"the entry of '{spec.path}' says `loader: {spec.loader}`, and '{candidate.artifacts[0]}' is for "
            f"{listing(fitting)}",
            code="other-loader",
            hint=f"write the other loader into the entry: --loader {fitting[0]}",
        )


def _refuse_pickle(candidate: Candidate, named: NamedArtifact) -> None:
    for text, path in zip(named.texts, named.paths, strict=True):
        if holds_pickle(text, path) and not candidate.allow_pickle:
            raise ArtifactError(
                f"'{text}' is a pickle, which can run any code when it is loaded",
                code="pickle-not-allowed",
                hint="save it as .skops; or read its imports with `gateway describe`, then promote it with "
                "--allow-pickle",
            )


def _pins(named: NamedArtifact, route: RouteSpec, base: Path) -> Sequence[str]:
    if not _is_code(named, route):
        return [digest(path)[0] for path in named.paths]
    place, code = code_listing.locate_code(Path.cwd(), named.texts[0])
    listed = {path: digest(path)[0] for path in code_listing.listed(base, place, route.files) if path != code}
    return [code_folders.pin_of(code, digest(code)[0], listed)]


def _is_code(named: NamedArtifact, route: RouteSpec) -> bool:
    """Say whether a pin covers the files that the artifact reads, too."""
    path = named.paths[0]
    is_process = route.executor.kind == "process"
    return named.loader == "python" or (is_process and (path.suffix == ".py" or code_listing.is_code_folder(path)))


def _golden(candidate: Candidate, route: RouteSpec, base: Path, artifact: Path | None) -> dict[str, str | None]:
    """Return the golden rows of the candidate: those that are said, or, where the entry names some, those beside it."""
    if candidate.golden:
        return {"golden": quoted(relative_artifact(candidate.golden, base))}
    if route.golden is None or artifact is None:
        return {}
    beside = artifact.parent / "golden.json"
    if files.stat_of(beside) is None or beside == (base / route.golden).resolve():
        return {}
    return {"golden": quoted(relative_artifact(str(beside), base))}
