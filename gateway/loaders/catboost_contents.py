"""Says whether CatBoost's files are whole as far as they say: its own reader goes astray in others."""

from typing import Final

from gateway.loaders import plain_json
from gateway.loaders.catboost_trees import fault_of_trees

MAGIC: Final = b"CBM1"
#: Before the tables: the mark, and how long these are.
_HEADER_BYTES: Final = 8


def is_whole_cbm(data: bytes) -> bool:
    """Say whether bytes of the binary format hold as many as their header says."""
    return data.startswith(MAGIC) and 0 < int.from_bytes(data[4:_HEADER_BYTES], "little") <= len(data) - _HEADER_BYTES


def fault_of(data: bytes) -> str:
    """Say what is wrong with the bytes of a file, or nothing."""
    if data.startswith(MAGIC):
        return "" if is_whole_cbm(data) else "the file is cut short"
    if data.lstrip()[:1] != b"{":
        return "the file is neither CatBoost's binary format nor its JSON" if data else "the file is empty"
    try:
        found = plain_json.decode(data)
    except (ValueError, RecursionError) as exc:
        return f"no whole JSON: {exc}"
    parts = [found.get(name) for name in ("features_info", "model_info")]
    trees = [found[name] for name in ("oblivious_trees", "trees") if name in found]
    is_whole = all(isinstance(part, dict) for part in parts) and [type(one) for one in trees] == [list]
    return fault_of_trees(found) if is_whole else "no features_info, no model_info or no trees in it"
