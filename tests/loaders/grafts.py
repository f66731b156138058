"""Skops files made at random: nodes, types, ids, attributes and functions of some files put into others."""

import copy
import io
import json
import random
import zipfile
from typing import Any, Final

import skops.io

from gateway.loaders.admission.allowed_names import VALUE_TYPES
from gateway.loaders.admission.skops_nodes import _KINDS, nodes_in

from . import acting, fitted, programs

_HOSTS: Final = (
    "FeatureAgglomeration", "GridSearchCV", "HistGradientBoostingClassifier", "IsotonicRegression", "KMeans",
    "KNeighborsClassifier", "MLPClassifier", "RandomForestClassifier", "SelectKBest", "SplineTransformer",
)  # fmt: skip
_SCHEMA: Final = "schema.json"


class Grafts:
    """Make skops files; those that lend their nodes are written once."""

    def __init__(self) -> None:
        found = [fitted.fitted(name) for name in _HOSTS]
        models = [acting.honest(), *(make() for make in acting.MODELS.values())]
        models += [each[0] for each in found if each is not None]
        self._files = [_members(skops.io.dumps(model)) for model in models]
        self._names = [*programs._globals(), *((kind.__module__, kind.__name__) for kind in VALUE_TYPES)]

    def make(self, rng: random.Random) -> bytes:
        """Return one file changed in one to three places."""
        base, other = rng.choice(self._files), rng.choice(self._files)
        schema = json.loads(base[_SCHEMA])
        pool = [*list(nodes_in(json.loads(other[_SCHEMA]))), *acting.NODES.values()]
        nodes = list(nodes_in(schema))
        for node in rng.choices(nodes[1:] or nodes, k=rng.randrange(1, 4)):
            self._change(rng, node, rng.choice(pool), rng.choice(nodes))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, data in {**other, **base, _SCHEMA: json.dumps(schema).encode()}.items():
                archive.writestr(name, data)
        return out.getvalue()

    def _change(self, rng: random.Random, node: dict[str, Any], graft: dict[str, Any], near: dict[str, Any]) -> None:
        kind = rng.randrange(6)
        if kind == 0:
            node["__module__"], node["__class__"] = rng.choice(self._names)
        elif kind == 1:
            node["__loader__"] = rng.choice([*_KINDS, "MethodNode", "OperatorFuncNode", "ConstructorFromReduceNode"])
        elif kind == 2:
            node["__id__"] = near.get("__id__")
        elif kind == 3:
            content = node.get("content")
            entries = content.get("content") if type(content) is dict else None
            if type(entries) is dict and type(content.get("key_types")) is dict:  # type: ignore[union-attr]
                entries[rng.choice(programs._SLOTS)] = copy.deepcopy(graft)
                content["key_types"]["content"].append(acting._TEXT)  # type: ignore[index]
        else:
            keep = {"__id__": node.get("__id__")} if rng.random() < 0.3 else {}
            node.clear()
            node.update(copy.deepcopy(graft) | keep)


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
