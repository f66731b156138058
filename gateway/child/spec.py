"""Reads the file that says which model is served, and how."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple

from .schema import Field, Scalar


class Spec(NamedTuple):
    """
    Say what to load, and how many calls may run at once.

    `folders` are put in front of the path of imports; `main_modules` are files whose names stand in for those of
    `__main__`. `inputs` are those of the registry, for models that do not tell theirs; `levels` are the categories that
    it names, in the order of their codes. `allow_code` admits classes of any module in skops files.
    """

    model: str
    artifact: str
    loader: str = "auto"
    entry: str | None = None
    folders: tuple[str, ...] = ()
    main_modules: tuple[str, ...] = ()
    inputs: tuple[Field, ...] = ()
    levels: Mapping[str, tuple[Scalar, ...]] = MappingProxyType({})
    max_concurrency: int = 64
    max_body_bytes: int = 256 * 1024 * 1024
    requirements: str = ""
    allow_code: bool = False


#: Key -> what its value is in JSON.
_KINDS: dict[str, type] = {
    "model": str,
    "artifact": str,
    "loader": str,
    "folders": list,
    "main_modules": list,
    "inputs": list,
    "levels": dict,
    "max_concurrency": int,
    "max_body_bytes": int,
    "requirements": str,
    "allow_code": bool,
}


def read_spec(path: str) -> Spec:
    """Return the content of a file of JSON; raises ValueError with the key that is wrong."""
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    if not isinstance(told, dict):
        raise ValueError("no JSON object")
    for key, kind in _KINDS.items():
        if type(told.get(key, kind())) is not kind:
            raise ValueError(f"{key} is no {kind.__name__}")
    unknown = sorted(set(told) - set(Spec._fields))
    if unknown:
        raise ValueError("unknown: {}".format(", ".join(unknown)))
    lacking = [key for key in ("model", "artifact") if not told.get(key)]
    if lacking:
        raise ValueError("lacking: {}".format(", ".join(lacking)))
    return Spec(**{**told, **_converted(told)})


def _converted(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("folders", "main_modules"):
        if key in told:
            found[key] = tuple(map(str, told[key]))
    if "inputs" in told:
        found["inputs"] = tuple(_field(one) for one in told["inputs"])
    if "levels" in told:
        found["levels"] = {name: tuple(levels) for name, levels in told["levels"].items()}
    return found


def _field(told: dict[str, Any]) -> Field:
    known: list[str] = ["name", "type", "required", "nullable", "default", "enum"]
    values = {key: told[key] for key in known if told.get(key) is not None}
    if "enum" in values:
        values["enum"] = tuple(values["enum"])
    if type(values.get("name")) is not str:
        raise ValueError("inputs: one has no name")
    return Field(**values)
