"""
Judges each node of a skops schema by what it would make: a class, a type or a function only in nodes of its own kind.

skops' own check looks at names, wherever they stand. Some kinds of nodes are never admitted: bound methods, functions
of `operator`, calls of any constructor.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array

from gateway.loaders.admission.admitted_types import is_admitted_node
from gateway.loaders.admission.allowed_functions import FUNCTIONS, is_ufunc
from gateway.loaders.admission.allowed_names import VALUE_TYPES, Dropped, ForbiddenGlobal, is_part
from gateway.loaders.admission.booster_state import checked_booster
from gateway.loaders.admission.constructors import resolve

Node = dict[str, Any]


def nodes_in(root: Any) -> Iterator[Node]:
    """Yield every dict that says how to load something, wherever it stands."""
    stack = [root]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            if "__loader__" in item:
                yield item
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)


def check_node(node: Node) -> Iterator[str]:
    """Yield the names that this node needs; raises ForbiddenGlobal."""
    loader = node["__loader__"]
    name = f"{node.get('__module__')}.{node.get('__class__')}"
    if is_admitted_node(node):
        yield name
        return
    check = _KINDS.get(loader)
    if check is None:
        raise ForbiddenGlobal(f"{name} as {loader}")
    check(node, name)
    yield name
    if loader == "RandomGeneratorNode":
        yield "numpy.random._generator.Generator"


def _of(*names: str) -> Callable[[Node, str], None]:
    def check(node: Node, name: str) -> None:
        if name not in names:
            raise ForbiddenGlobal(name)

    return check


def _found(node: Node) -> Any:
    module, name = node.get("__module__"), node.get("__class__")
    if type(module) is not str or type(name) is not str:
        raise ForbiddenGlobal(f"{module}.{name}")
    return resolve(module, name)


def _object(node: Node, name: str) -> None:
    found = _found(node)
    if type(found) is Dropped or not is_part(found):
        raise ForbiddenGlobal(name)
    own = getattr(found, "__setstate__", None)
    if found.__module__.startswith("xgboost."):  # its native reader is for files that one trusts
        raise ForbiddenGlobal(name)
    if (
        own is not None
        and own is not BaseEstimator.__setstate__
        and not all(_is_data(inner) for inner in nodes_in(node.get("content")))
    ):
        raise ForbiddenGlobal(f"{name} with other than data")
    _estimators_only(node, name)
    if name == "lightgbm.basic.Booster":
        _must_be_readable(node)


def _must_be_readable(node: Node) -> None:
    """Refuse a booster of LightGBM whose text its library must not read."""
    entries = (node.get("content") or {}).get("content")
    texts = entries.items() if type(entries) is dict else ()
    held = {key: one.get("content") for key, one in texts if type(one) is dict and one["__loader__"] == "JsonNode"}
    try:
        checked_booster({key: json.loads(text) for key, text in held.items() if type(text) is str})
    except ValueError as exc:
        raise ForbiddenGlobal(f"lightgbm.basic.Booster: {exc}") from exc


def _is_data(node: Node) -> bool:
    # The metric of a search tree is compiled and holds numbers.
    return node["__loader__"] in _DATA or node.get("__module__") == "sklearn.metrics._dist_metrics"


def _estimators_only(node: Node, name: str) -> None:
    """Refuse a FrozenEstimator of anything else: it hands every question on to what it holds."""
    if node.get("__class__") != "FrozenEstimator":
        return
    content = (node.get("content") or {}).get("content") or {}
    inner = content.get("estimator") or {}
    if inner.get("__loader__") != "ObjectNode":
        raise ForbiddenGlobal(f"{name} of {inner.get('__module__')}.{inner.get('__class__')}")


def _compiled(node: Node, name: str) -> None:
    """Admit a tree or a loss, which is compiled and made from numbers."""
    parts = (*nodes_in(node.get("__reduce__")), *nodes_in(node.get("content")))
    if not is_part(_found(node)) or issubclass(_found(node), BaseEstimator) or not all(map(_is_data, parts)):
        raise ForbiddenGlobal(name)


def _tuple(node: Node, name: str) -> None:
    if name != "builtins.tuple" and not (is_part(_found(node)) and issubclass(_found(node), tuple)):
        raise ForbiddenGlobal(name)


def _array(node: Node, name: str) -> None:
    if name not in _ARRAYS or node.get("type") not in {"numpy", "json"}:
        raise ForbiddenGlobal(name)


def _function(node: Node, name: str) -> None:
    found = _found(node)
    if not (is_ufunc(found) or found is check_array or (node["__module__"], node["__class__"]) in FUNCTIONS):
        raise ForbiddenGlobal(name)


def _partial(node: Node, name: str) -> None:
    """Admit what HistGradientBoosting keeps for its plain columns, and no other partial."""
    content = node.get("content") or {}
    function = content.get("func") or {}
    is_own = function.get("__loader__") == "FunctionNode" and function.get("__class__") == "check_array"
    empty = all(not (content.get(part) or {}).get("content") for part in ("args", "namespace"))
    empty = empty or (content.get("namespace") or {}).get("content") == "null"
    if name != "functools.partial" or not is_own or not empty or not all(map(_is_data, nodes_in(content.get("kwds")))):
        raise ForbiddenGlobal(name)


def _dict(node: Node, name: str) -> None:
    keys = node.get("key_types") or {}
    types = keys.get("content")
    if name not in {"builtins.dict", "collections.OrderedDict"} or keys.get("__loader__") != "ListNode":
        raise ForbiddenGlobal(name)
    if type(types) is not list or any(entry.get("__loader__") != "TypeNode" for entry in types):
        raise ForbiddenGlobal(f"{name} with keys of other kinds")


def _anything(node: Node, name: str) -> None:
    """Admit a node that makes nothing by itself."""


_TYPES: Final = tuple(f"{kind.__module__}.{kind.__name__}" for kind in VALUE_TYPES)
_ARRAYS: Final = frozenset({"numpy.ndarray", "numpy.matrix", *_TYPES})

_KINDS: Final[dict[str, Callable[[Node, str], None]]] = {
    "DictNode": _dict,
    "DefaultDictNode": _of("collections.defaultdict"),
    "ListNode": _of("builtins.list"),
    "SetNode": _of("builtins.set", "builtins.frozenset"),
    "TupleNode": _tuple,
    "BytesNode": _of("builtins.bytes"),
    "BytearrayNode": _of("builtins.bytearray"),
    "SliceNode": _of("builtins.slice"),
    "JsonNode": _anything,
    "CachedNode": _anything,
    # OrderedDict is the factory of the scores that LightGBM keeps of its training.
    "TypeNode": _of(*_TYPES, "collections.OrderedDict"),
    "FunctionNode": _function,
    "PartialNode": _partial,
    "ObjectNode": _object,
    "NdArrayNode": _array,
    "MaskedArrayNode": _of("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"),
    "DTypeNode": _of("numpy.dtype"),
    "RandomStateNode": _of("numpy.random.mtrand.RandomState"),
    "RandomGeneratorNode": _of("numpy.random._generator.Generator"),
    "SparseMatrixNode": _object,
    "LossNode": _compiled,
    "TreeNode": _compiled,
}
_MAKING: Final = frozenset({"CachedNode", "FunctionNode", "PartialNode", "ObjectNode", "SparseMatrixNode", "LossNode"})
_DATA: Final = frozenset(_KINDS) - _MAKING - {"TreeNode"}
