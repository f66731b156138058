"""Parse `outputs`, `response`, `id` and `batch` of a route: the shape of its answers."""

from collections.abc import Mapping
from typing import Any

from gateway.answers.check import template_faults
from gateway.registry.checks import read_keys, section
from gateway.registry.keys import ID_KEYS, OUTPUT_KEYS
from gateway.registry.spec import OutputKeys
from gateway.registry.values import Document, Entries, Entry, Value, texts_of
from gateway.registry.wording import kind_of
from gateway.system.suggest import listing, nearest

#: Of two classes the second is the positive one; of more, the registry has to name it.
_BINARY = 2


def read_outputs(document: Document, entry: Entry, route: str) -> OutputKeys:
    """Return the keys of `outputs`; notes a positive class that is no label, and a threshold without one."""
    example = 'outputs: {labels: ["no", "yes"]}'
    entries = section(document, entry.value, f"'outputs' of route '{route}'", example) or Entries()
    found = read_keys(document, entries, OUTPUT_KEYS, f"'outputs' of route '{route}'")
    if found.get("use") == ():
        document.fault(
            entries["use"].value.span,
            "out-of-range",
            "'use' names no output",
            expected="the outputs that are to be answered",
            fix="name one, or delete 'use'",
        )
    labels = found.get("labels")
    if labels is not None and "positive" in found and found["positive"] not in labels:
        guess = nearest(str(found["positive"]), [str(label) for label in labels])
        document.fault(
            entries["positive"].value.span,
            "unknown-label",
            f"positive {kind_of(found['positive'])} is not one of the labels",
            expected=listing(f"'{label}'" for label in labels),
            fix=f"positive: {guess if guess is not None else labels[-1]}",
        )
    if "threshold" in found and entries.lacks("positive") and labels is not None and len(labels) > _BINARY:
        document.fault(
            entries["threshold"].key,
            "threshold-without-positive",
            f"a threshold among {len(labels)} labels",
            expected="'positive': the label whose probability it is about",
            fix=f"add `positive: {labels[-1]}`",
        )
    return OutputKeys(**found)


def read_response(document: Document, entry: Entry, labels: tuple[Any, ...] | None) -> Any:
    """Return the template as plain JSON; notes unknown variables at the value that holds them."""
    template = entry.value.plain
    if template is None and not entry.value.is_unreadable:
        document.fault(
            entry.value.span,
            "bad-template",
            "'response' is empty",
            expected="a template of the answer",
            fix="response: {prediction: $value}, or delete the key",
        )
    for fault in template_faults(template, labels):
        span = _find(entry.value, fault.where).span
        document.fault(span, fault.code, fault.message, expected=fault.expected, fix=fault.fix)
    return template


def _find(value: Value, where: tuple[str | int, ...]) -> Value:
    for step in where:
        value = value.data[step].value if isinstance(value.data, dict) else value.data[step]
    return value


def read_id(document: Document, entry: Entry, route: str) -> tuple[str, ...]:
    """Return the names under which a row id may come."""
    entries = section(document, entry.value, f"'id' of route '{route}'", "id: {field: [ID, Id, id]}")
    if entries is None:
        return ()
    found = read_keys(document, entries, ID_KEYS, f"'id' of route '{route}'")
    if entries.lacks("field"):
        document.fault(
            entry.key,
            "missing-key",
            f"'id' of route '{route}' names no field",
            expected="'field'",
            fix="id: {field: id}",
        )
    for name in (text for field in entries.all_of("field") for text in texts_of(field.value)):
        if name.raw.startswith("_"):
            document.fault(
                name.span,
                "bad-field-name",
                f"id field name '{name.raw}' cannot be used",
                expected="a name that does not start with '_': those are options of a call",
                fix=f"rename it to '{name.raw.lstrip('_') or 'id'}'",
            )
    names: tuple[str, ...] = found.get("field", ())
    return names


def check_batch(document: Document, entries: Entries, found: Mapping[str, Any]) -> None:
    """Note `batch: by_id` without `id`."""
    if found.get("batch") == "by_id" and entries.lacks("id"):
        document.fault(
            entries["batch"].value.span,
            "by-id-without-id",
            "'batch: by_id' needs to know which field is the id",
            expected="'id' beside it",
            fix="add `id: {field: id}`",
        )
