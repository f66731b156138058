"""Parse one entry of `routes` into a RouteSpec, and note all its faults."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gateway.artifacts.mlflow_reference import is_reference
from gateway.loaders.table import BUNDLE
from gateway.registry import card, code_keys, files, process_keys
from gateway.registry.bounds import check_egress, check_roots
from gateway.registry.checks import read_keys
from gateway.registry.executor import check_files, note_artifact, read_executor
from gateway.registry.executor_keys import LEADS_ELSEWHERE
from gateway.registry.inputs import read_inputs
from gateway.registry.keys import ROUTE_KEYS
from gateway.registry.limits import read_limits
from gateway.registry.outputs import check_batch, read_id, read_outputs, read_response
from gateway.registry.paths import Taken, check_name, check_path, derived_name
from gateway.registry.pins import check_pickle_pin, check_pins
from gateway.registry.plot import check_counts, read_plot
from gateway.registry.reading import read_reading
from gateway.registry.reading_keys import ReadingKeys
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import NAME_PATTERN, OutputKeys, RouteSpec
from gateway.registry.values import Document, Entries, Entry, Value, texts_of
from gateway.registry.wording import kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteReader:
    """
    Read the routes of one document.

    `files` also checks the artifacts: `gateway check` does so; serving leaves them to each route, so that one absent
    file affects one route only. `reading` is that of the server, of which `server` bounds what routes may name.
    """

    document: Document
    base: Path
    taken: Taken
    defaults: Mapping[str, Any]
    files: bool
    reading: ReadingKeys = field(default_factory=ReadingKeys)
    server: ServerSpec = field(default_factory=ServerSpec)
    is_nameless: bool = False

    def read_all(self, entries: Entries) -> Iterator[RouteSpec]:
        """
        Yield the specs of all entries that have a shape.

        One that repeats a path, or whose key is no text, is read for its faults as well; that the path is taken, or
        none, is said already.
        """
        for path, entry in entries.items():
            spec = self.read(path, entry)
            if spec is not None:
                yield spec
        for path, entry in entries.repeated:
            replace(self, taken=replace(self.taken, ignored=path)).read(path, entry)
        for text, entry in entries.nameless:
            replace(self, taken=Taken(), is_nameless=True).read(text, entry)

    def check_defaults(self, entries: Entries) -> None:
        """Note what `executor` of `defaults` names and may not, or what is not there."""
        kind = process_keys.executor_of(self.defaults, {}).kind
        check_egress(self.document, entries, kind, self.server.egress_allow)
        if self.files:
            self._look_at_executor(entries)

    def read(self, path: str, entry: Entry) -> RouteSpec | None:
        """Return the spec, or None if the entry is neither a text nor a mapping."""
        if not self.is_nameless:
            check_path(self.document, self.taken, path, entry.key, path)
        entries = self._entries(path, entry)
        if entries is None:
            self._name(path, entry, Entries(), {})
            return None
        found = read_keys(self.document, entries, ROUTE_KEYS, f"route '{path}'")
        self._name(path, entry, entries, found)
        for alias in (*_texts(entries, "aliases"), *_texts(entries, "pages")):
            check_path(self.document, self.taken, alias.raw, alias.span, path)
        for one in entries.all_of("executor"):
            found.setdefault("executor", read_executor(self.document, one, f"route '{path}'"))
        for one in entries.all_of("limits"):
            found.setdefault("limits", read_limits(self.document, one, f"route '{path}'"))
        kind = process_keys.executor_of(found, self.defaults).kind
        if kind == "upstream":
            note_artifact(self.document, entries, path)
            found["loader"] = kind
        else:
            found["loader"] = self._loader(path, entry, entries, found, kind)
        self._answers(path, entries, found)
        check_pickle_pin(self.document, entries, found)
        process_keys.check_code(self.document, entries, found, kind)
        code_keys.check_keys(self.document, entries, found, kind)
        if "sha256" in found:
            found["sha256"] = _lower(found["sha256"])
            check_pins(self.document, entries, found)
        check_egress(self.document, entries, kind, self.server.egress_allow)
        if self.server.egress_allow and kind in LEADS_ELSEWHERE:
            executor = process_keys.executor_of(found, self.defaults)
            found["executor"] = replace(executor, egress=self.server.egress_allow)
        if self.files:
            self._look_at_files(entries, found, kind)
        return RouteSpec(**{**self.defaults, "artifact": "", **found, "path": path, "base": str(self.base)})

    def _entries(self, path: str, entry: Entry) -> Entries | None:
        """Return the keys of a route; a bare text is the artifact."""
        data = entry.value.data
        if isinstance(data, Entries):
            return data
        if entry.value.is_unreadable:
            return None
        if isinstance(data, str) and data:
            entries = Entries()
            entries["artifact"] = Entry(entry.value.span, entry.value)
            return entries
        self.document.fault(
            entry.key if data is None else entry.value.span,
            "bad-route",
            f"route '{path}' is {kind_of(data)}",
            expected="the artifact, or a mapping with the key 'artifact'",
            fix=f"{path}: models/{derived_name(path) or 'name'}/model.onnx",
        )
        return None

    def _name(self, path: str, entry: Entry, entries: Entries, found: dict[str, Any]) -> None:
        if "name" in entries:
            for name in _texts(entries, "name"):
                if re.fullmatch(NAME_PATTERN, name.raw):  # all others are noted anyway
                    check_name(self.document, self.taken, name.raw, name.span, path)
            found.setdefault("name", "")
            return
        found["name"] = derived_name(path)
        if path in self.taken.paths:  # a wrong path would only be reported twice
            check_name(self.document, self.taken, found["name"], entry.key, path)

    def _loader(self, path: str, entry: Entry, entries: Entries, found: dict[str, Any], kind: str) -> str:
        if entries.lacks("artifact"):
            self.document.fault(
                entry.key,
                "missing-key",
                f"route '{path}' has no 'artifact'",
                expected="a file or folder, relative to the registry",
                fix=f"add `artifact: models/{derived_name(path) or 'name'}/model.onnx`",
            )
        is_list = isinstance(found.get("artifact"), tuple)
        for text in _texts(entries, "artifact"):
            if is_reference(text.raw):
                files.check_reference(self.document, text.raw, text.span)
                if is_list:
                    files.note_reference_in_list(self.document, text.raw, text.span)
        if kind == "h2o_server":
            return kind
        if kind == "process":
            return process_keys.loader_of(self.document, entries, path)
        if "loader" in entries:
            for name in _texts(entries, "loader"):
                files.check_loader(self.document, name.raw, name.span, path)
                if is_list and name.raw != BUNDLE:
                    files.note_list(self.document, name, path)
            return str(found.get("loader", ""))
        loaders = [
            files.infer_loader(self.document, self.base, artifact.raw, artifact.span)
            for artifact in _texts(entries, "artifact")
        ]
        return BUNDLE if is_list else loaders[0] if loaders else ""

    def _answers(self, path: str, entries: Entries, found: dict[str, Any]) -> None:
        outputs = OutputKeys()
        for entry in entries.all_of("inputs"):
            found.setdefault("inputs", read_inputs(self.document, entry, path))
        for entry in entries.all_of("outputs"):
            outputs = found.setdefault("outputs", read_outputs(self.document, entry, path))
        for entry in entries.all_of("reading"):
            found.setdefault("reading", read_reading(self.document, entry, f"route '{path}'", self.reading))
        for entry in entries.all_of("response"):
            found.setdefault("response", read_response(self.document, entry, outputs.labels))
        for entry in entries.all_of("id"):
            found.setdefault("id_fields", read_id(self.document, entry, path))
        for entry in entries.all_of("plot"):
            found.setdefault("plot", read_plot(self.document, entry, path))
        check_batch(self.document, entries, found)

    def _look_at_files(self, entries: Entries, found: Mapping[str, Any], kind: str) -> None:
        self._look_at_executor(entries)
        sources = _texts(entries, "artifact")
        paths = [files.check_artifact(self.document, self.base, source.raw, source.span) for source in sources]
        pins = texts_of(entries["sha256"].value) if "sha256" in found else []
        there = [path for path in paths if path is not None]
        for source, path, pin in zip_longest(sources, paths, pins[: len(sources)]):
            if path is not None:
                pinned = self._pinned(path, entries, found, kind)
                if pin is not None:
                    files.check_pin(self.document, *pinned, pin)
                self._look_at_artifact(path, source, there, found)
        for golden in _texts(entries, "golden"):
            files.check_file(self.document, self.base, golden.raw, golden.span, "golden-missing")
        for named in _texts(entries, "card"):
            card.check_named(self.document, self.base, named)
        for plot in entries.all_of("plot"):
            for file in _texts(plot.value.data, "file") if isinstance(plot.value.data, Entries) else []:
                check_counts(self.document, self.base, file)

    def _look_at_executor(self, entries: Entries) -> None:
        check_files(self.document, entries, self.base)
        check_roots(self.document, self.base, entries, self.server.artifact_roots)
        process_keys.check_environment(self.document, self.base, entries)

    def _pinned(self, path: Path, entries: Entries, found: Mapping[str, Any], kind: str) -> tuple[Path, set[Path]]:
        """Return the file that a pin is of, and the further files that it covers."""
        if found["loader"] == "python" or kind == "process":
            code, listed = code_keys.check_listed(self.document, self.base, path, entries)
            if kind == "local" or process_keys.pinned(path, found):
                return code, listed
        return path, set()

    def _look_at_artifact(self, path: Path, source: Value, paths: list[Path], found: Mapping[str, Any]) -> None:
        allowed = bool(found.get("allow_pickle"))
        files.check_pickle(self.document, source.raw, path, paths=paths, allowed=allowed, span=source.span)


def _lower(pins: Any) -> Any:
    return pins.lower() if isinstance(pins, str) else tuple(pin.lower() for pin in pins)


def _texts(entries: Entries, name: str) -> list[Value]:
    """Return the texts of a key, including those of its repetitions."""
    return [text for entry in entries.all_of(name) for text in texts_of(entry.value)]
