"""Check the value of a key by its kind; every fault names the expected value and how to write it."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.registry.key_definition import Key
from gateway.registry.text_patterns import PATTERNS, fix_of
from gateway.registry.values import Document, Entries, Value
from gateway.registry.wording import EXAMPLES, kind_of, parse_size
from gateway.system.suggest import did_you_mean, listing

#: Replaces a value whose fault is noted already, so that dependent rules stay silent.
BAD: Final = object()
#: Whole numbers as people write them: 10k, 10M, 1,000,000.
_LIKE_A_COUNT: Final = re.compile(r"(-?\d{1,18}|\d{1,3}(?:[_,]\d{3}){1,5})\s*([kKmM]?)")
_SHORT: Final = {"": 1, "k": 1_000, "m": 1_000_000}


def section(document: Document, value: Value, what: str, example: str) -> Entries | None:
    """Return the entries of a mapping; an empty value is an empty mapping, any other value a fault and None."""
    if isinstance(value.data, Entries):
        return value.data
    if value.is_unreadable:
        return None
    if value.data is None:
        return Entries()
    document.fault(value.span, "not-a-mapping", f"{what} is {kind_of(value.data)}", expected="a mapping", fix=example)
    return None


def read_keys(document: Document, entries: Entries, keys: Mapping[str, Key], where: str) -> dict[str, Any]:
    """Return target -> value for the known keys of plain kinds; checks all values of a repeated key."""
    found: dict[str, Any] = {}
    for name, entry in entries.every():
        key = keys.get(name)
        if key is None:
            usable = [other.name for other in keys.values() if other.kind != "reserved"]
            document.fault(
                entry.key,
                "unknown-key",
                f"unknown key '{name}' in {where}",
                expected=listing(sorted(usable), most=len(usable)),
                # A key that is present already cannot be the one that was meant.
                fix=did_you_mean(name, [other for other in usable if other not in entries]) or "delete it",
            )
        elif key.kind == "reserved":
            document.fault(
                entry.key,
                "not-available",
                f"key '{name}' in {where} is not available yet",
                expected=f"nothing: '{name}' is reserved for {key.doc}",
                fix="delete it",
            )
        elif key.kind not in {"section", "json"}:
            value = check(document, key, entry.value)
            if value is not BAD and entry is entries[name]:
                found[key.target] = value
    return found


def check(document: Document, key: Key, value: Value) -> Any:
    """Return the value as the spec holds it, or BAD after noting its fault."""
    return BAD if value.is_unreadable else _CHECKS[key.kind](document, key, value)


def _wrong(document: Document, key: Key, value: Value, expected: str, fix: str | None = None) -> Any:
    if value.is_unreadable:  # an item of a list
        return BAD
    message = f"'{key.name}' is {kind_of(value.data)}"
    document.fault(value.span, "wrong-type", message, expected=expected, fix=fix or f"{key.name}: {EXAMPLES[key.kind]}")
    return BAD


def _text(document: Document, key: Key, value: Value) -> Any:
    if isinstance(value.data, bool | dict | list) or not value.raw.strip():
        return _wrong(document, key, value, "a text that is not empty")
    if key.pattern is not None and not re.fullmatch(key.pattern, value.raw):
        code, expected, _ = PATTERNS[key.name]
        told = f"'{value.raw}' cannot be '{key.name}'"
        document.fault(value.span, code, told, expected=expected, fix=fix_of(key.name, value.raw))
        return BAD
    return value.raw


def _flag(document: Document, key: Key, value: Value) -> Any:
    if isinstance(value.data, bool):
        return value.data
    word = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.raw.lower())
    return _wrong(document, key, value, "true or false", f"{key.name}: {word}" if word else None)


def _number(document: Document, key: Key, value: Value) -> Any:
    data = value.data
    if isinstance(data, bool) or not isinstance(data, int | float):
        return _wrong(document, key, value, "a number", _unquoted(key, value))
    if not math.isfinite(data):
        return _wrong(document, key, value, "a finite number")
    if not _in_range(document, key, value, data):
        return BAD
    # Keywords of inputs keep 0 as 0; attributes of the spec are floats.
    return data if key.for_types else float(data)


def _integer(document: Document, key: Key, value: Value) -> Any:
    data = value.data
    if isinstance(data, bool) or not isinstance(data, int):
        return _wrong(document, key, value, "a whole number", _meant_whole(key, value))
    return data if _in_range(document, key, value, data) else BAD


def _unquoted(key: Key, value: Value) -> str | None:
    return (
        f"{key.name}: {value.raw}" if isinstance(value.data, str) and re.fullmatch(r"-?\d{1,18}", value.raw) else None
    )


def _meant_whole(key: Key, value: Value) -> str | None:
    found = _LIKE_A_COUNT.fullmatch(value.raw) if isinstance(value.data, str) else None
    if found is None:
        return None
    number = int(re.sub("[_,]", "", found[1])) * _SHORT[found[2].lower()]
    return f"{key.name}: {number}"


def _in_range(document: Document, key: Key, value: Value, number: float) -> bool:
    low, high = key.minimum, key.maximum
    fits = (low is None or number >= low) and (high is None or number <= high)
    if fits and (key.above is None or number > key.above):
        return True
    bounds = [f"at least {low:g}"] if low is not None else []
    bounds += [f"more than {key.above:g}"] if key.above is not None else []
    bounds += [f"at most {high:,.0f}"] if high is not None else []
    nearest = low if low is not None and number < low else high
    if fits:
        nearest = 1
    document.fault(
        value.span,
        "out-of-range",
        f"'{key.name}' is {value.raw}",
        expected=f"{' and '.join(bounds)}: {key.doc}",
        fix=f"{key.name}: {nearest}",
    )
    return False


def _choice(document: Document, key: Key, value: Value) -> Any:
    if isinstance(value.data, str) and value.data in key.choices:
        return value.data
    # YAML 1.1 habits: `compile: off` is text here, but `false` was perhaps meant to be it.
    guess = did_you_mean(value.raw, key.choices) if value.raw else None
    document.fault(
        value.span,
        "unknown-choice",
        f"'{key.name}' is {kind_of(value.data)}",
        expected=listing(one if one.isidentifier() else f"'{one}'" for one in key.choices),
        fix=guess or f"{key.name}: {key.choices[0]}",
    )
    return BAD


def _bytes(document: Document, key: Key, value: Value) -> Any:
    data = value.data
    if isinstance(data, int) and not isinstance(data, bool):
        return data if _in_range(document, key, value, data) else BAD
    size = parse_size(data) if isinstance(data, str) else None
    if size is None:
        return _wrong(document, key, value, "a number of bytes, or a number with KiB, MiB, GiB, KB, MB or GB")
    return size if _in_range(document, key, value, size) else BAD


def _scalar(document: Document, key: Key, value: Value) -> Any:
    if isinstance(value.data, dict | list) or (value.data is None and key.name != "default"):
        return _wrong(document, key, value, "text, a number, true or false")
    if isinstance(value.data, float) and not math.isfinite(value.data):
        return _wrong(document, key, value, "a finite number")
    return value.data


def _scalars(document: Document, key: Key, value: Value) -> Any:
    if not isinstance(value.data, list) or not value.data:
        single = f"{key.name}: [{value.raw}]" if value.raw else None
        return _wrong(document, key, value, "a list that is not empty", single)
    return _all_once(document, key, value, [_scalar(document, key, item) for item in value.data])


def _all_once(document: Document, key: Key, value: Value, items: list[Any]) -> Any:
    """Return the items as a tuple; BAD if an item is BAD or a value is repeated."""
    seen: set[tuple[type, Any]] = set()
    is_good = True
    for item, read in zip(value.data, items, strict=True):
        mark = (type(read), read)
        if read is BAD:
            is_good = False
        elif mark in seen:
            text = f"{kind_of(item.data)} stands twice in '{key.name}'"
            document.fault(item.span, "repeated-value", text, expected="each value once", fix="delete one")
            is_good = False
        seen.add(mark)
    return tuple(items) if is_good else BAD


def _one_or_more(document: Document, key: Key, value: Value) -> Any:
    found = (_scalars if isinstance(value.data, list) else _scalar)(document, key, value)
    return found if found is BAD or isinstance(value.data, list) else (found,)


def _texts(document: Document, key: Key, value: Value) -> Any:
    if not isinstance(value.data, list):
        return _wrong(document, key, value, "a list", f"{key.name}: [{value.raw}]" if value.raw else None)
    return _all_once(document, key, value, [_text(document, key, item) for item in value.data])


def _text_or_texts(document: Document, key: Key, value: Value) -> Any:
    found = (_texts if isinstance(value.data, list) else _text)(document, key, value)
    return found if found is BAD or isinstance(value.data, list) else (found,)


def _text_or_list(document: Document, key: Key, value: Value) -> Any:
    if value.data == []:
        return _wrong(document, key, value, "a text, or a list that is not empty")
    found = _text_or_texts(document, key, value)
    return found[0] if found is not BAD and len(found) == 1 else found


def _bounds(document: Document, key: Key, value: Value) -> Any:
    pair = [item.data for item in value.data] if isinstance(value.data, list) else []
    low, high = int(key.minimum or 0), int(key.maximum or 0)
    if [type(one) for one in pair] == [int, int] and low <= pair[0] <= pair[1] <= high:
        return tuple(pair)
    return _wrong(document, key, value, f"a list of two whole numbers from {low} to {high:,}, the lower first")


_CHECKS: Final[Mapping[str, Callable[[Document, Key, Value], Any]]] = {
    "text": _text,
    "text_or_list": _text_or_list,
    "flag": _flag,
    "number": _number,
    "integer": _integer,
    "choice": _choice,
    "bytes": _bytes,
    "scalar": _scalar,
    "scalars": _scalars,
    "one_or_more": _one_or_more,
    "bounds": _bounds,
    "texts": _texts,
    "text_or_texts": _text_or_texts,
}
