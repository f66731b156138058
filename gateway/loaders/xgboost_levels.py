"""
Reads the levels of an XGBoost booster's categories, and takes those that its file does not tell from the registry.

XGBoost 3.1 and later keeps names of levels as bytes that are cut to the number of letters: outside ASCII they are not
whole. What the registry says is held against what is there. Before 3.1 a file keeps no levels at all.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import xgboost

from gateway.errors import LoadError
from gateway.schema import Scalar

Levels = tuple[Scalar, ...]


def levels_of(booster: xgboost.Booster, declared: Mapping[str, Levels]) -> dict[int, dict[Any, float]]:
    """Return column -> level -> code for the categorical columns; a column without any levels takes codes."""
    types = booster.feature_types or []
    if "c" not in types:
        return {}
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    stored = (model.get("gbtree") or model)["model"].get("cats", {}).get("enc", [])
    names = booster.feature_names or [f"x{i}" for i in range(len(types))]
    found: dict[int, dict[Any, float]] = {}
    for i, kind in enumerate(types):
        if kind == "c":
            table = stored[i] if i < len(stored) else {"values": []}
            levels = _levels(names[i], table, declared.get(names[i]))
            found[i] = {level: float(code) for code, level in enumerate(levels)}
    return found


def _levels(name: str, stored: Mapping[str, Any], declared: Levels | None) -> Sequence[Scalar]:
    values, offsets = stored["values"], stored.get("offsets")
    if not values:
        return declared or ()
    if not offsets:
        return list(values)
    if all(value >= 0 for value in values):
        text = bytes(values).decode("ascii")
        return [text[start:stop] for start, stop in itertools.pairwise(offsets)]
    kept = bytes(value & 0xFF for value in values)
    lengths = [stop - start for start, stop in itertools.pairwise(offsets)]
    if declared is None:
        raise _refused(
            name,
            f"the file names categories of {name!r} with letters outside ASCII, of which XGBoost {xgboost.__version__} "
            f"keeps a part ({kept.decode(errors='replace'):.60})",
        )
    texts = [level if isinstance(level, str) else "" for level in declared]
    if [len(text) for text in texts] != lengths or "".join(texts).encode()[: len(kept)] != kept:
        raise _refused(
            name,
            f"the categories of {name!r} in the registry are not those of the file: it has {len(lengths)} with "
            f"{', '.join(str(length) for length in lengths[:8])} letters, "
            f"beginning {kept.decode(errors='replace'):.50}",
        )
    return declared


def _refused(name: str, why: str) -> LoadError:
    return LoadError(
        why,
        code="unreadable-levels",
        hint=f"say them all in the registry, in the order of training (`list(frame[{name!r}].cat.categories)`): "
        f"`inputs: {{{name}: {{enum: [...]}}}}`",
    )
