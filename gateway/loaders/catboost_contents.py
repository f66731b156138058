"""Says whether CatBoost's files are whole as far as they say: its own reader goes astray in others."""

from typing import Final

from gateway.loaders import plain_json
from gateway.loaders.catboost_core import HEADER_BYTES, fault_of_core
from gateway.loaders.catboost_trees import fault_of_trees

MAGIC: Final = b"CBM1"


def fault_of_cbm(data: bytes) -> str:
    """Say what is wrong with bytes of the binary format, or nothing."""
    if not 0 < int.from_bytes(data[4:HEADER_BYTES], "little") <= len(data) - HEADER_BYTES:
        return "the file is cut short"
    return fault_of_core(data)


def fault_of(data: bytes) -> str:
    """Say what is wrong with the bytes of a file, or nothing."""
    if data.startswith(MAGIC):
        return fault_of_cbm(data)
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
