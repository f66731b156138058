"""
The JSON of MLflow's scoring protocol: `dataframe_split`, `dataframe_records`, `instances`, `inputs`.

Knows no HTTP and no rule of a field; the CSV of that protocol is everybody's CSV.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.codecs import json_pointers, json_tables
from gateway.codecs.base import Decoded, refuse
from gateway.codecs.json import parse
from gateway.codecs.json_faults import reject_duplicates
from gateway.codecs.json_pointers import records
from gateway.codecs.json_tables import Read, squeeze
from gateway.errors import InputError
from gateway.schema import Signature
from gateway.validation.faults import member

FORMATS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
#: Where the rows of a data frame stand.
FRAMES: Final = ("$.dataframe_split", "$.dataframe_records")
_EXPECTED: Final = "exactly one of dataframe_split, dataframe_records, instances, inputs; and params"


def decode(body: bytes, signature: Signature, check: Callable[[int], object] = int) -> Decoded:
    """
    Return the instances of a body; `parameters` are its params.

    `check` is called with the number of rows before they are built: rows with names take ten times their bytes.
    Raw NaN counts as null, because MLflow's own client writes it. Raises InputError for anything else that is not of
    the protocol.
    """
    if not body or body.isspace():
        refuse("empty-body", "the body is empty", expected=_EXPECTED)
    value = _parse(body, check)
    if type(value) is not dict:
        refuse("json-type", "the body must be an object", expected=_EXPECTED)
    given = [name for name in FORMATS if name in value]
    other = [name for name in value if name not in FORMATS and name != "params"]
    if other:
        hint = 'send {"dataframe_split": {…}}' if "data" in other or "columns" in other else None
        message = f"{json.dumps(other[0][:80])} is not of this protocol"
        refuse("unknown-field", message, at=member("$", other[0]), expected=_EXPECTED, hint=hint)
    if len(given) != 1:
        refuse("format", f"the body has {len(given)} of the input formats", expected=_EXPECTED)
    params = value.get("params")
    if params is not None and type(params) is not dict:
        refuse("json-type", "params must be an object", at="$.params", expected="object")
    at = f"$.{given[0]}"
    check(_size(given[0], value[given[0]]))
    rows, locator, columns = _READERS[given[0]](value[given[0]], at, signature)
    if not rows:
        refuse("empty-batch", "the body has no instances", at=at, expected="at least one instance")
    return Decoded(rows, False, at=at, parameters=params or {}, locator=locator, columns=columns)


def _size(name: str, value: Any) -> int:
    """Return the expected number of rows: the length of a list, of `data` or of a column."""
    if type(value) is dict:
        value = value.get("data") if name == "dataframe_split" else next(iter(value.values()), None)
    return len(value) if type(value) is list else 0


def _parse(body: bytes, check: Callable[[int], object]) -> Any:
    try:
        return parse(body, check)
    except InputError as error:
        if error.faults[0].code != "json-literal":
            raise
        try:
            value = json.loads(body, parse_constant=_constant, parse_int=_integer, parse_float=_float)
        except (ValueError, RecursionError):
            raise error from None
        reject_duplicates(body)
        return value


def _integer(text: str) -> int:
    """Be called back for each number, which lets other threads have their turn."""
    return int(text)


def _float(text: str) -> float:
    return float(text)


def _constant(word: str) -> None:
    if word != "NaN":
        raise ValueError(word)


def _split(value: Any, at: str, signature: Signature) -> Read:
    if type(value) is not dict or type(value.get("data")) is not list:
        refuse("json-type", "dataframe_split must have data", at=at, expected='{"columns": […], "data": [[…], …]}')
    columns = value.get("columns")
    if type(columns) is list and _are_positions(columns, signature):
        return json_tables.split({"data": value["data"]}, at)
    return json_tables.split(value, at)


def _records(value: Any, at: str, signature: Signature) -> Read:
    if type(value) is not list:
        refuse("json-type", "dataframe_records must be a list", at=at, expected="a list of objects")
    for row, record in enumerate(value):
        if type(record) is not dict:
            refuse("json-type", "a record must be an object", at=f"{at}[{row}]", expected="object")
    names = list(value[0]) if value else []
    if _are_positions(names, signature) and all(list(record) == names for record in value):
        return [list(record.values()) for record in value], json_pointers.keyed(at, names), ()
    return value, None, ()


def _are_positions(columns: list[Any], signature: Signature) -> bool:
    """
    Say whether the columns of a data frame are taken by their order, as the framework takes them.

    So they are where the model was trained without names, and the frame has some of its own.
    """
    known = signature.positions
    return not signature.names_known and len(columns) == len(known) and not any(name in known for name in columns)


def _instances(value: Any, at: str, signature: Signature) -> Read:
    if type(value) is not list:
        refuse("json-type", "instances must be a list", at=at, expected="a list of objects, lists or values")
    return _rows(value, at, signature)


def _rows(value: list[Any], at: str, signature: Signature) -> Read:
    """Make rows of objects, of lists, or of bare values where the model has one input."""
    kinds = set(map(type, value))
    if kinds <= {dict}:
        return [{name: squeeze(cell) for name, cell in row.items()} for row in value], records(at, value), ()
    if kinds == {list}:
        return value, None, ()
    if kinds & {dict, list}:
        refuse("mixed-batch", "a batch holds objects, lists or values, not several of them", at=at)
    if len(signature.positions) == 1:
        return [[cell] for cell in value], json_pointers.bare(at), ()
    message = f"a bare value is no instance: the model has {len(signature.positions)} inputs"
    return refuse("instance-type", message, at=f"{at}[0]", expected="object or list")


def _inputs(value: Any, at: str, signature: Signature) -> Read:
    """Read columns (`{"a": […]}`), a tensor (`[[…], …]`), or one instance (`{"a": 1}`, or a text)."""
    if type(value) is list:
        return _rows(value, at, signature)
    if type(value) is not dict:
        return _rows([value], at, signature)[0], json_pointers.alone(at), ()
    columns: Mapping[str, Any] = value
    if not any(type(column) is list for column in columns.values()):
        return [dict(columns)] if columns else [], json_pointers.alone(at), ()
    return json_tables.by_column(columns, at)


_READERS: Final = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}
