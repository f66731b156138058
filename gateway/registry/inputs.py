"""Parse the `inputs` of a route: field -> keywords, checked against each other. Knows no artifact: see merge.py."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.registry.checks import read_keys, section
from gateway.registry.keys import INPUT_KEYS
from gateway.registry.report import Span
from gateway.registry.values import Document, Entries, Entry, Value, texts_of
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
    example = "inputs: {age: {type: number, minimum: 0}}"
    fields = section(document, entry.value, f"'inputs' of route '{route}'", example) or Entries()
    found: dict[str, dict[str, Any]] = {}
    for name, field in fields.every():
        _field_name(document, name, field.key, "field")
        keywords = _read_field(document, name, field, route)
        if keywords is not None:
            found.setdefault(name, keywords)
    for name, field in fields.nameless:
        _read_field(document, name, field, route)
    _check_aliases(document, fields)
    return found


def _read_field(document: Document, name: str, field: Entry, route: str) -> dict[str, Any] | None:
    entries = section(document, field.value, f"field '{name}'", f"{name}: {{type: number}}")
    if entries is None:
        return None
    keywords = read_keys(document, entries, INPUT_KEYS, f"field '{name}' of route '{route}'")
    _check_field(document, name, keywords, entries)
    return keywords


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


def _check_aliases(document: Document, fields: Entries) -> None:
    owners = {name: name for name in fields}
    for name, field in fields.every():
        keywords = field.value.data if isinstance(field.value.data, Entries) else Entries()
        for alias in (text for entry in keywords.all_of("aliases") for text in texts_of(entry.value)):
            if not _field_name(document, alias.raw, alias.span, "alias"):
                continue
            # A repeated field may repeat its aliases.
            if owners.setdefault(alias.raw, name) != name or alias.raw == name:
                document.fault(
                    alias.span,
                    "duplicate-alias",
                    f"alias '{alias.raw}' of field '{name}' already means field '{owners[alias.raw]}'",
                    expected="a name that no other field has",
                    fix="delete the alias",
                )


def _check_dummies(document: Document, name: str, keywords: dict[str, Any], entries: Entries) -> None:
    """Note a pattern that names no level, and a base level without a pattern."""
    if "base" in keywords and "dummies" not in entries:
        document.fault(
            entries["base"].key,
            "rules-contradict",
            f"'base' of field '{name}' is for columns of dummies",
            expected="'dummies' beside it",
            fix=f'dummies: "{name}_*"',
        )
    if "dummies" in keywords and keywords["dummies"].count("*") != 1:
        document.fault(
            entries["dummies"].value.span,
            "bad-dummies",
            f"'{keywords['dummies']}' does not say where in the name of a column the level stands",
            expected="the names of the columns with one '*' for the level",
            fix=f'dummies: "{keywords["dummies"].replace("*", "").rstrip("_")}_*"',
        )


def _check_field(document: Document, name: str, keywords: dict[str, Any], entries: Entries) -> None:
    _check_dummies(document, name, keywords, entries)
    senseless = {
        *_check_type(document, name, keywords, entries),
        *_check_bounds(document, name, keywords, entries),
        *_check_pattern(document, keywords, entries),
    }
    if keywords.get("required") is True and "default" in keywords:
        document.fault(
            entries["required"].key,
            "rules-contradict",
            f"field '{name}' is required and has a default, which would never be used",
            fix="delete one of the two",
        )
    rules = {keyword: value for keyword, value in keywords.items() if keyword not in senseless}
    _check_values(document, name, rules, entries)


def implied_type(keywords: Mapping[str, Any]) -> str | None:
    """Return the type that the keywords state or imply without doubt."""
    if "type" in keywords:
        return str(keywords["type"])
    for keyword in keywords:
        types = INPUT_KEYS[keyword].for_types if keyword in INPUT_KEYS else ()
        if types:
            return types[0]
    kinds = {type(value) for value in keywords.get("enum", ())}
    return {str: "string", bool: "boolean", int: "number", float: "number"}[kinds.pop()] if len(kinds) == 1 else None


def _check_type(document: Document, name: str, keywords: dict[str, Any], entries: Entries) -> Iterator[str]:
    """Yield the keywords that do not apply to the type of the field."""
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
            yield keyword


def _check_bounds(document: Document, name: str, keywords: dict[str, Any], entries: Entries) -> Iterator[str]:
    """Yield the bounds that exclude every value."""
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
            yield from (low, high)


def _check_pattern(document: Document, keywords: dict[str, Any], entries: Entries) -> Iterator[str]:
    """Yield a pattern that does not compile."""
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
        yield "pattern"


def _check_values(document: Document, name: str, keywords: dict[str, Any], entries: Entries) -> None:
    """Check `enum` against the type, and `default` and `examples` against all other keywords."""
    for keyword in ("enum", "default", "examples"):
        values = [item for entry in entries.all_of(keyword) for item in _scalars_of(entry.value)]
        for item in values:
            rule = violated(item.data, keywords, is_level=keyword == "enum")
            if rule is not None:
                document.fault(
                    item.span,
                    "rules-contradict",
                    f"{keyword} {kind_of(item.data)} of field '{name}' breaks its own rule",
                    expected=rule,
                    fix=_quoted(item.data, rule) or f"change the {keyword} or the rule",
                )


def _scalars_of(value: Value) -> list[Value]:
    """Return the scalars in a value or in a list of values."""
    items = value.data if isinstance(value.data, list) else [value]
    return [item for item in items if not isinstance(item.data, dict | list | None)]


def _quoted(data: Any, rule: str) -> str | None:
    return f'quote it: "{str(data).lower() if isinstance(data, bool) else data}"' if rule.startswith("text") else None


def violated(value: Any, keywords: Mapping[str, Any], *, is_level: bool = False) -> str | None:
    """Return the first keyword that `value` violates, or None; `is_level` skips the comparison with `enum`."""
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
