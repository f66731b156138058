"""Tables of nodes as other versions wrote them, in the form of the installed scikit-learn; they are checked later."""

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.tree._tree import NODE_DTYPE, Tree

#: Field of today -> its name before.
_BEFORE: Final = {"num_threshold": "threshold"}
_BITSET_WORDS: Final = 8


def nodes_of_today(kind: type, state: Any) -> Any:
    """Return the state of a tree with the fields that came later, filled with 0; any other state as it is."""
    if type(state) is not dict:
        return state
    nodes = state.get("nodes")
    if not isinstance(nodes, np.ndarray):
        return state
    if kind is Tree:
        return {**state, "nodes": _with_fields(nodes, NODE_DTYPE)}
    if kind.__name__ == "TreePredictor":
        # Until 0.23 no column was split by category, and until 0.21 the first version knew no missing values.
        empty = {f"{name}_left_cat_bitsets": np.zeros((0, _BITSET_WORDS), np.uint32) for name in ("binned", "raw")}
        return {**empty, **state, "nodes": _with_fields(nodes, PREDICTOR_RECORD_DTYPE)}
    return state


def _with_fields(nodes: npt.NDArray[Any], wanted: Any) -> npt.NDArray[Any]:
    names = nodes.dtype.names or ()
    known = {_BEFORE[one] if one in _BEFORE and one not in names else one: one for one in wanted.names}
    # Another table altogether is refused by its own class.
    if nodes.dtype == wanted or not set(names) <= set(known):
        return nodes
    made = np.zeros(nodes.shape, dtype=wanted)
    for name in names:
        if not np.can_cast(nodes.dtype[name], wanted[known[name]], casting="same_kind"):
            return nodes
        made[known[name]] = nodes[name]
    return made


def file_of_today(data: bytes) -> bytes | None:
    """Return the bytes of a .npy file of a tree's nodes with today's fields; None where it has them."""
    with io.BytesIO(data) as stream:
        nodes = np.load(stream, allow_pickle=False)
    made = _with_fields(nodes, NODE_DTYPE)
    if made is nodes:
        return None
    with io.BytesIO() as out:
        np.save(out, made, allow_pickle=False)
        return out.getvalue()
