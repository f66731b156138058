"""
Reads skops files: judges what the schema of a file would make before skops makes any of it.

Builds on skops' public `load`, whose list of trusted types it fills with what was judged. skops looks at names wherever
they stand; here a class, a type and a function are admitted only in nodes of their own kind.
"""

import io
import json
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from gateway.loaders.admission import positive_label
from gateway.loaders.admission.admitted_types import is_of_another_package, must_fit
from gateway.loaders.admission.allowed_names import ForbiddenGlobal, UnknownGlobal
from gateway.loaders.admission.refusals import unknown_global, untrusted_types
from gateway.loaders.admission.skops_nodes import Node, check_node, nodes_in
from gateway.loaders.admission.training_leftovers import ROUTING, TRAINING
from gateway.loaders.versions.gone import GONE, OF_GONE
from gateway.loaders.versions.moved import current_name
from gateway.loaders.versions.old_nodes import file_of_today

_SCHEMA: Final = "schema.json"


def read_skops(path: Path) -> Any:
    """
    Return the object of a skops file.

    Raises ArtifactError (`untrusted-types`) with every type that is not admitted, or LoadError (`wrong-version`).
    """
    with zipfile.ZipFile(path) as archive:
        text = archive.read(_SCHEMA)
    schema = json.loads(text)
    try:
        changed = _with_names_of_today(schema) | _without_aliases(schema) | _without_training(schema)
        changed |= _with_plain_lists(schema)
        tables = _tables_of_today(path, schema)
    except ForbiddenGlobal as exc:
        raise untrusted_types(path, exc) from None
    names: set[str] = set()
    faults: list[str] = []
    for node in nodes_in(schema):
        try:
            names.update(check_node(node))
        except UnknownGlobal as exc:
            raise unknown_global(path, exc) from exc
        except ForbiddenGlobal as exc:
            faults.append(str(exc))
    if faults:
        raise untrusted_types(path, ", ".join(sorted(set(faults))), _of_other_packages(schema, faults))
    must_fit(path, names)
    try:
        source = _rewritten(path, schema, tables) if changed or tables else path
        return skops.io.load(source, trusted=sorted(names))
    except UntrustedTypesFoundException as exc:  # skops reads some names out of data
        raise untrusted_types(path, exc) from None


def _of_other_packages(root: Node, faults: Collection[str]) -> list[str]:
    """Return the classes of installed packages which alone keep the file from being read; [] where more does."""
    objects = {
        f"{node.get('__module__')}.{node.get('__class__')}"
        for node in nodes_in(root)
        if node.get("__loader__") == "ObjectNode"
    }
    named = sorted(set(faults))
    return named if all(name in objects and is_of_another_package(name) for name in named) else []


def _with_names_of_today(root: Node) -> bool:
    """Translate moved names, also where the first protocol keeps them; say whether there was any."""
    found = False
    for node in nodes_in(root):
        old = node.get("content")
        if node["__loader__"] == "FunctionNode" and type(old) is dict:
            node.update({"__module__": old.get("module_path"), "__class__": old.get("function")})
        named = (node.get("__module__"), node.get("__class__"))
        today = current_name(str(named[0]), str(named[1]))
        if today != named:
            node["__module__"], node["__class__"] = today
            found = True
        if node["__loader__"] == "FunctionNode" and type(old) is dict:
            old["module_path"], old["function"] = today
    return found


def _without_aliases(root: Node) -> bool:
    """
    Take the id of every node that differs from another one of that id; say whether there was any.

    skops makes only the first node of an id, so that the others would not be what they were judged to be.
    """
    first: dict[Any, Node] = {}
    found = False
    for node in [node for node in nodes_in(root) if node.get("__id__")]:
        known = first.setdefault(node["__id__"], node)
        if node["__loader__"] == "CachedNode" and known["__loader__"] == "TypeNode":
            node.update(known)
            found = True
        if known != node and node["__loader__"] != "CachedNode":
            del node["__id__"]
            found = True
    return found


def _without_training(root: Node) -> bool:
    """Take out of every object what only training reads; say whether there was any."""
    found = False
    for node in nodes_in(root):
        attributes = node.get("content") if node.get("__loader__") == "ObjectNode" else None
        entries = attributes.get("content") if type(attributes) is dict else None
        if type(entries) is not dict:
            continue
        for name in TRAINING.intersection(entries):
            if type(entries[name]) is dict and entries[name].get("__loader__") != "JsonNode":
                entries[name] = _plain(_label(entries[name]) if name == positive_label.ATTRIBUTE else None)
                found = True
        for name in OF_GONE.intersection(entries):
            node_of = entries[name]
            if type(node_of) is dict and (node_of.get("__module__"), node_of.get("__class__")) in GONE:
                entries[name] = _plain(None)
                found = True
        if ROUTING in entries:
            entries[ROUTING] = _plain(None)
            found = True
    return found


def _plain(value: Any) -> Node:
    """Return the node of a value that JSON knows."""
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def _label(scorer: Node) -> Any:
    """Return what is needed of the scorer of a tuned threshold."""
    entries = (scorer.get("content") or {}).get("content") or {}
    metric = entries.get("_score_func") or {}
    given = (entries.get("_kwargs") or {}).get("content") or {}
    keywords = {name: json.loads(node["content"]) for name, node in given.items() if node["__loader__"] == "JsonNode"}
    if len(keywords) != len(given):
        raise ForbiddenGlobal("a scorer with objects")
    label = positive_label.label_of(str(metric.get("__module__")), str(metric.get("__class__")), keywords)
    return {"pos_label": label}


def _with_plain_lists(root: Node) -> bool:
    """Put a list where 1.5 and 1.6 wrapped the columns of a remainder; say whether there was any."""
    found = False
    for node in list(nodes_in(root)):
        if node.get("__class__") != "_RemainderColsList":
            continue
        kept = ((node.get("content") or {}).get("content") or {}).get("data")
        if type(kept) is dict and kept.get("__loader__") == "ListNode":
            node.clear()
            node.update(kept)
            found = True
    return found


def _tables_of_today(path: Path, root: Node) -> dict[str, bytes]:
    """Return the files of the trees' nodes that lack fields of today, by name."""
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        for node in nodes_in(root):
            kept = (node.get("content") or {}).get("content") if node["__loader__"] == "TreeNode" else None
            table = kept.get("nodes") if type(kept) is dict else None
            name = table.get("file") if type(table) is dict and table.get("type") == "numpy" else None
            made = file_of_today(archive.read(name)) if type(name) is str else None
            if made is not None:
                found[str(name)] = made
    return found


def _rewritten(path: Path, schema: Node, tables: dict[str, bytes]) -> io.BytesIO:
    """Return the same archive with another schema, and other tables of nodes."""
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as new:
        for member in archive.infolist():
            if member.filename != _SCHEMA:
                new.writestr(member.filename, tables.get(member.filename) or archive.read(member.filename))
        new.writestr(_SCHEMA, json.dumps(schema))
    return copy
