"""
References into an MLflow store, as the registry writes them in place of a path: `mlflow:models:/churn@champion`.

The grammar only; nothing here asks a store. What a reference names is a `Resolution` (resolution.py).
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote

from gateway.errors import ArtifactError
from gateway.system.suggest import listing

PREFIX: Final = "mlflow:"
FORMS: Final = (
    "mlflow:models:/NAME@ALIAS",
    "mlflow:models:/NAME/VERSION",
    "mlflow:runs:/RUN_ID/PATH",
    "mlflow:best?experiment=NAME&metric=NAME&mode=min",
)
Kind: TypeAlias = Literal["alias", "version", "run", "best"]

_ALIAS: Final = re.compile(r"models:/([^/:@][^/:]*)@([A-Za-z0-9_.-]+)")
_VERSION: Final = re.compile(r"models:/([^/:@][^/:]*)/([0-9]+)")
_RUN: Final = re.compile(r"runs:/([A-Za-z0-9_-]+)/(.+)")
_MOVING: Final = re.compile(r"models:/([^/:@]+)/([A-Za-z][A-Za-z0-9_-]*)")
_UNSAID: Final = re.compile(r"/?(?:models:/)?([^/:@?]+)/?")
_KEYS: Final = ("experiment", "metric", "mode", "filter", "path")
_MODES: Final = ("min", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """
    Hold a parsed reference.

    `kind` says which of the other fields are filled: name and alias, name and version, run_id and path, or the keys of
    a question for the best run, of which `filter` and `path` may be "".
    """

    text: str
    kind: Kind
    name: str = ""
    alias: str = ""
    version: str = ""
    run_id: str = ""
    path: str = ""
    experiment: str = ""
    metric: str = ""
    mode: Literal["min", "max"] = "min"
    filter: str = ""

    @property
    def moves(self) -> bool:
        """Say whether it may name another model tomorrow without being edited."""
        return self.kind in {"alias", "best"}


def is_reference(text: str) -> bool:
    """Say whether an artifact is named by a reference into an MLflow store."""
    return text.startswith(PREFIX)


def parse_reference(text: str) -> Reference:
    """Return the parts of a reference; raises ArtifactError "bad-reference"."""
    body = text.removeprefix(PREFIX)
    if found := _ALIAS.fullmatch(body):
        return Reference(text=text, kind="alias", name=found[1], alias=found[2])
    if found := _VERSION.fullmatch(body):
        return Reference(text=text, kind="version", name=found[1], version=str(int(found[2])))
    if found := _RUN.fullmatch(body):
        return Reference(text=text, kind="run", run_id=found[1], path=_inner_path(text, found[2]))
    if body == "best" or body.startswith("best?"):
        return _best(text, body.partition("?")[2])
    if found := _MOVING.fullmatch(body):
        stage = f"'{found[2]}' is neither a version nor an alias"
        raise _bad(text, stage, fix=f"mlflow:models:/{found[1]}@{found[2]}, after `set_registered_model_alias`")
    if found := _UNSAID.fullmatch(body):
        fix = f"mlflow:models:/{found[1]}@ALIAS, or mlflow:models:/{found[1]}/VERSION"
        raise _bad(text, "it says neither an alias nor a version", fix=fix)
    raise _bad(text, "it has none of the forms of a reference", fix=FORMS[0])


def _best(text: str, query: str) -> Reference:
    """Return a question for the best run; values may be percent-encoded, `+` is a plus."""
    values: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if key not in _KEYS:
            raise _bad(text, f"best? has no key '{key}'", fix=f"its keys are {listing(_KEYS, 'and')}; write & as %26")
        if key in values:
            raise _bad(text, f"'{key}' stands twice", fix="write it once")
        if not equals or not value:
            raise _bad(text, f"'{key}' has no value", fix=f"{key}=VALUE, or leave it out")
        values[key] = unquote(value)
    for key in ("experiment", "metric"):
        if key not in values:
            raise _bad(text, f"best? needs '{key}'", fix=FORMS[-1])
    mode = values.get("mode", "")
    if mode not in _MODES:
        raise _bad(
            text, f"mode is '{mode}'" if mode else "best? needs 'mode'", fix="mode=min for a loss, mode=max for a score"
        )
    return Reference(
        text=text,
        kind="best",
        experiment=values["experiment"],
        metric=values["metric"].removeprefix("metrics."),
        mode="min" if mode == "min" else "max",
        filter=values.get("filter", ""),
        path=_inner_path(text, values["path"]) if "path" in values else "",
    )


def _inner_path(text: str, path: str) -> str:
    parts = path.strip("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\0" in path or "\\" in path:
        raise _bad(
            text, f"'{path}' is no path inside of a run", fix="the path below the artifacts of the run, such as model"
        )
    return "/".join(parts)


def _bad(text: str, why: str, *, fix: str) -> ArtifactError:
    return ArtifactError(f"'{text}' cannot be read: {why}", code="bad-reference", hint=fix)
