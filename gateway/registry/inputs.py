"""The `inputs` of a route: field -> keywords, checked against each other. Knows no artifact; merge.py joins the two."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.registry.checks import read_keys, section
from gateway.registry.keys import INPUT_KEYS
from gateway.registry.report import Span
from gateway.registry.values import Document, Entry
from gateway.registry.wording import kind_of
from gateway.system.suggest import listing
from gateway.validation.patterns import PatternError, compile_pattern

#: (lower, upper, whether equal bounds leave nothing)
_BOUNDS: Final = (
    ("minimum", "maximum", False),
    ("exclusiveMinimum", "exclusiveMaximum", True),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "maximum", True),
    ("minLength", "maxLength", False),
)


def read_inputs(document: Document, entry: Entry, route: str) -> dict[str, dict[str, Any]]:
    """Return field -> keywords in the spelling of the registry; notes every contradiction."""
    fields = section(document, entry.value, f"'inputs' of route '{route}'", "inputs: {age: {type: number, minimum: 0}}")
    found: dict[str, dict[str, Any]] = {}
    spans: dict[str, Span] = {}
    for name, field in (fields or {}).items():
        _field_name(document, name, field.key, "field")
        keywords = section(document, field.value, f"field '{name}'", f"{name}: {{type: number}}")
        if keywords is None:
            continue
        found[name] = read_keys(document, keywords, INPUT_KEYS, f"field '{name}' of route '{route}'")
        spans[name] = field.key
        _check_field(document, name, found[name], keywords)
    _check_aliases(document, found, fields or {})
    return found


def _field_name(document: Document, name: str, span: Span, what: str) -> bool:
    if name.strip() and not name.startswith("_"):
        return True
    document.fault(
        span,
        "bad-field-name",
        f"{what} name '{name}' cannot be used",
        expected="a name that is not empty and does not start with '_': those are options of a call",
        fix=f"rename it to '{name.lstrip('_')}'" if name.strip("_ ") else "give it a name",
    )
    return False


def _check_aliases(document: Document, found: Mapping[str, dict[str, Any]], fields: Mapping[str, Entry]) -> None:
    owners = {name: name for name in found}
    for name, keywords in found.items():
        for position, alias in enumerate(keywords.get("aliases", ())):
            span = fields[name].value.data["aliases"].value.data[position].span
            if not _field_name(document, alias, span, "alias"):
                continue
            if alias in owners:
                document.fault(
                    span,
                    "duplicate-alias",
                    f"alias '{alias}' of field '{name}' already means field '{owners[alias]}'",
                    expected="a name that no other field has",
                    fix="delete the alias",
                )
            owners.setdefault(alias, name)


def _check_field(document: Document, name: str, keywords: dict[str, Any], entries: Mapping[str, Entry]) -> None:
    before = len(document.faults)
    _check_type(document, name, keywords, entries)
    _check_bounds(document, name, keywords, entries)
    _check_pattern(document, keywords, entries)
    if keywords.get("required") is True and "default" in keywords:
        document.fault(
            entries["required"].key,
            "rules-contradict",
            f"field '{name}' is required and has a default, which would never be used",
            fix="delete one of the two",
        )
    if len(document.faults) == before:
        _check_values(document, name, keywords, entries)


def implied_type(keywords: Mapping[str, Any]) -> str | None:
    """Return the type that the keywords state or leave no doubt about."""
    if "type" in keywords:
        return str(keywords["type"])
    for keyword in keywords:
        types = INPUT_KEYS[keyword].for_types if keyword in INPUT_KEYS else ()
        if types:
            return types[0]
    kinds = {type(value) for value in keywords.get("enum", ())}
    return {str: "string", bool: "boolean", int: "number", float: "number"}[kinds.pop()] if len(kinds) == 1 else None


def _check_type(document: Document, name: str, keywords: dict[str, Any], entries: Mapping[str, Entry]) -> None:
    kind = implied_type(keywords)
    for keyword in keywords:
        types = INPUT_KEYS[keyword].for_types
        if types and kind is not None and kind not in types:
            document.fault(
                entries[keyword].key,
                "rules-contradict",
                f"'{keyword}' has no meaning for field '{name}' of type {kind}",
                expected=f"'{keyword}' only for type {listing(types)}",
                fix=f"delete '{keyword}', or set `type: {types[0]}`",
            )


def _check_bounds(document: Document, name: str, keywords: dict[str, Any], entries: Mapping[str, Entry]) -> None:
    for low, high, strict in _BOUNDS:
        if low not in keywords or high not in keywords:
            continue
        bottom, top = keywords[low], keywords[high]
        if bottom > top or (strict and bottom == top):
            document.fault(
                entries[low].value.span,
                "rules-contradict",
                f"'{low}' {bottom} and '{high}' {top} of field '{name}' leave no value",
                fix=f"{low}: {top}, {high}: {bottom}" if bottom > top else f"lower '{low}' or raise '{high}'",
            )


def _check_pattern(document: Document, keywords: dict[str, Any], entries: Mapping[str, Entry]) -> None:
    if "pattern" not in keywords:
        return
    try:
        compile_pattern(keywords["pattern"])
    except PatternError as error:
        document.fault(
            entries["pattern"].value.span,
            "bad-pattern",
            f"'{keywords['pattern'][:80]}' {error}",
            expected="a regular expression as Python's `re` reads it, of what one pass over the text can find",
            fix=error.fix,
        )


def _check_values(document: Document, name: str, keywords: dict[str, Any], entries: Mapping[str, Entry]) -> None:
    """Check enum against the type, default and examples against everything."""
    for keyword in ("enum", "default", "examples"):
        if keyword not in keywords:
            continue
        value = entries[keyword].value
        for item in value.data if isinstance(value.data, list) else [value]:
            rule = None if item.data is None else violated(item.data, keywords, is_level=keyword == "enum")
            if rule is not None:
                document.fault(
                    item.span,
                    "rules-contradict",
                    f"{keyword} {kind_of(item.data)} of field '{name}' breaks its own rule",
                    expected=rule,
                    fix=_quoted(item.data, rule) or f"change the {keyword} or the rule",
                )


def _quoted(data: Any, rule: str) -> str | None:
    return f'quote it: "{str(data).lower() if isinstance(data, bool) else data}"' if rule.startswith("text") else None


def violated(value: Any, keywords: Mapping[str, Any], *, is_level: bool = False) -> str | None:
    """Return the rule of the keywords that `value` breaks, or None; `is_level` skips the comparison with `enum`."""
    kind = implied_type(keywords)
    if kind is not None and not _has_type(value, kind):
        return {"string": "text", "boolean": "true or false", "integer": "a whole number"}.get(kind, "a number")
    if not is_level and value not in keywords.get("enum", (value,)):
        return listing(f"'{level}'" for level in keywords["enum"])
    if isinstance(value, str):
        if len(value) < keywords.get("minLength", 0):
            return f"at least {keywords['minLength']} characters"
        if len(value) > keywords.get("maxLength", len(value)):
            return f"at most {keywords['maxLength']} characters"
        pattern = keywords.get("pattern")
        return None if pattern is None or compile_pattern(pattern)(value) else f"a text that matches {pattern}"
    if isinstance(value, bool):
        return None
    return _outside(value, keywords)


def _outside(value: float, keywords: Mapping[str, Any]) -> str | None:
    if value < keywords.get("minimum", value):
        return f"at least {keywords['minimum']}"
    if value > keywords.get("maximum", value):
        return f"at most {keywords['maximum']}"
    if "exclusiveMinimum" in keywords and value <= keywords["exclusiveMinimum"]:
        return f"more than {keywords['exclusiveMinimum']}"
    if "exclusiveMaximum" in keywords and value >= keywords["exclusiveMaximum"]:
        return f"less than {keywords['exclusiveMaximum']}"
    return None


def _has_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return kind == "string"
    return kind == "number" or (kind == "integer" and float(value).is_integer())
