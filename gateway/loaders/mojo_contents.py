"""
Names what a MOJO says it holds and does not: H2O's reader skips a missing tree and scores without it.

Reads the table of contents and model.ini, unpacks no tree. Knows the parts of each algorithm, nothing of scoring.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from typing import Any

#: Reads the model.ini of a folder inside the archive, "" for the whole: its values, and the files of its domains.
ReadInfo = Callable[[str], tuple[Mapping[str, str], Collection[str]]]

#: Since this version of the format each tree has a second file, with what its nodes weigh.
_AUX_SINCE = 1.2
#: Algorithms that keep a file for each tree of each class.
_FORESTS = frozenset({"gbm", "drf", "isolationforest", "upliftdrf"})
#: Blobs without which an algorithm cannot score; trees and submodels are counted below.
_BLOBS: Mapping[str, tuple[str, ...]] = {"xgboost": ("boosterBytes",)}


def missing_parts(members: Collection[str], read: ReadInfo, folder: str = "") -> Iterator[str]:
    """Yield a text for each part that the MOJO in `folder` announces and lacks, its submodels' included."""
    info, domains = read(folder)
    algorithm = info.get("algo", "")
    # One after the other and no list: a model may announce a billion trees.
    needed = chain(
        _BLOBS.get(algorithm, ()),
        _tree_files(info, f"{folder}trees/", members),
        (f"domains/{name}" for name in domains),
    )
    yield from (f"{folder}{name}" for name in needed if f"{folder}{name}" not in members)
    yield from (f"{folder}model.ini: {fault}" for fault in _short_lists(info))
    for key, below in _submodels(info):
        if f"{below}model.ini" not in members:
            yield f"{below}model.ini (submodel {key})"
        else:
            yield from missing_parts(members, read, below)


def _tree_files(info: Mapping[str, str], trees: str, members: Collection[str]) -> Iterator[str]:
    """Yield the names of the files of all trees: as many per group as the model has sums (classes)."""
    if info.get("algo") == "extendedisolationforest":
        yield from (f"trees/t{number:02d}.bin" for number in range(int(info["ntrees"])))
    if info.get("algo") not in _FORESTS:
        return
    has_aux = float(info.get("mojo_version", 0)) >= _AUX_SINCE
    for group in range(int(info.get("n_trees_per_class", 1))):
        if _is_without_trees(info, group) and not any(name.startswith(f"{trees}t{group:02d}_") for name in members):
            continue
        for number in range(int(info["n_trees"])):
            yield f"trees/t{group:02d}_{number:03d}.bin"
            if has_aux:
                yield f"trees/t{group:02d}_{number:03d}_aux.bin"


def _is_without_trees(info: Mapping[str, str], group: int) -> bool:
    """Say whether a class never occurred in training: H2O grows no trees for it and leaves its files out."""
    shares = _list(info.get("prior_class_distrib"))
    return len(shares) > 2 and group < len(shares) and shares[group] == 0  # noqa: PLR2004 - two classes share a sum


def _submodels(info: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield key and folder of every model inside this one."""
    for number in range(int(info.get("submodel_count", 0))):
        yield info[f"submodel_key_{number}"], info[f"submodel_dir_{number}"]


def _short_lists(info: Mapping[str, str]) -> Iterator[str]:
    """Yield a text for each list of numbers that is shorter or longer than the model says it is."""
    algorithm = info.get("algo")
    if algorithm == "glm" and "beta" in info and info.get("family") not in {"multinomial", "ordinal"}:
        offsets = _list(info.get("cat_offsets"))
        wanted = (int(offsets[-1]) if offsets else 0) + int(info["nums"]) + 1
        found = len(_list(info["beta"]))
        if found != wanted:
            yield f"beta has {found} coefficients, {wanted} are announced"
    if algorithm == "kmeans":
        centers = (f"center_{i}" for i in range(int(info["center_num"])))
        yield from (f"{name} is missing" for name in centers if name not in info)
    if algorithm == "stackedensemble":
        keys = {key for key, _ in _submodels(info)}
        told = [info.get(f"base_model{i}") for i in range(int(info["base_models_num"]))] + [info["metalearner"]]
        # A base model that the metalearner does not use has no entry, or the entry "null".
        yield from (f"submodel {key} is missing" for key in told if key not in (None, "null", *keys))


def _list(text: str | None) -> list[Any]:
    found = json.loads(text) if text and text != "null" else []
    return found if isinstance(found, list) else []
