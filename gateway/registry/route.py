"""One entry of `routes`: path -> RouteSpec, with every fault of it noted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.registry import files
from gateway.registry.checks import read_keys
from gateway.registry.inputs import read_inputs
from gateway.registry.keys import ROUTE_KEYS
from gateway.registry.outputs import check_batch, read_id, read_outputs, read_response
from gateway.registry.paths import Taken, check_name, check_path, derived_name
from gateway.registry.spec import OutputKeys, RouteSpec
from gateway.registry.values import Document, Entry
from gateway.registry.wording import kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteReader:
    """
    Read routes of one document.

    `files` also looks at the artifacts themselves: what `gateway check` does and serving leaves to each route, so that
    one absent file harms one route only.
    """

    document: Document
    base: Path
    taken: Taken
    defaults: Mapping[str, Any]
    files: bool

    def read(self, path: str, entry: Entry) -> RouteSpec | None:
        """Return the spec, or None where the entry has no shape at all."""
        check_path(self.document, self.taken, path, entry.key, path)
        entries = self._entries(path, entry)
        if entries is None:
            return None
        found = read_keys(self.document, entries, ROUTE_KEYS, f"route '{path}'")
        self._name(path, entry, entries, found)
        for position, alias in enumerate(found.get("aliases", ())):
            span = entries["aliases"].value.data[position].span
            check_path(self.document, self.taken, alias, span, path)
        found["loader"] = self._loader(path, entry, entries, found)
        self._answers(path, entries, found)
        self._pickle(entries, found)
        if self.files and found.get("artifact"):
            self._look_at_files(entries, found)
        if "sha256" in found:
            found["sha256"] = found["sha256"].lower()
        return RouteSpec(**{**self.defaults, "artifact": "", **found, "path": path, "base": str(self.base)})

    def _entries(self, path: str, entry: Entry) -> dict[str, Entry] | None:
        """Return the keys of a route; a bare text is the artifact."""
        data = entry.value.data
        if isinstance(data, dict):
            return data
        if isinstance(data, str) and data:
            return {"artifact": Entry(entry.value.span, entry.value)}
        self.document.fault(
            entry.key if data is None else entry.value.span,
            "bad-route",
            f"route '{path}' is {kind_of(data)}",
            expected="the artifact, or a mapping with the key 'artifact'",
            fix=f"{path}: models/{derived_name(path) or 'name'}/model.onnx",
        )
        return None

    def _name(self, path: str, entry: Entry, entries: Mapping[str, Entry], found: dict[str, Any]) -> None:
        if "name" in entries:
            if "name" in found:
                check_name(self.document, self.taken, found["name"], entries["name"].value.span, path)
            found.setdefault("name", "")
            return
        found["name"] = derived_name(path)
        if path in self.taken.paths:  # a path that is wrong itself would only be named twice
            check_name(self.document, self.taken, found["name"], entry.key, path)

    def _loader(self, path: str, entry: Entry, entries: Mapping[str, Entry], found: dict[str, Any]) -> str:
        if "artifact" not in entries:
            self.document.fault(
                entry.key,
                "missing-key",
                f"route '{path}' has no 'artifact'",
                expected="a file or folder, relative to the registry",
                fix=f"add `artifact: models/{derived_name(path) or 'name'}/model.onnx`",
            )
        if "loader" in entries:
            if "loader" in found:
                files.check_loader(self.document, found["loader"], entries["loader"].value.span, path)
            return str(found.get("loader", ""))
        if "artifact" not in found:
            return ""
        return files.infer_loader(self.document, self.base, found["artifact"], entries["artifact"].value.span)

    def _answers(self, path: str, entries: Mapping[str, Entry], found: dict[str, Any]) -> None:
        outputs = OutputKeys()
        if "inputs" in entries:
            found["inputs"] = read_inputs(self.document, entries["inputs"], path)
        if "outputs" in entries:
            outputs = found["outputs"] = read_outputs(self.document, entries["outputs"], path)
        if "response" in entries:
            found["response"] = read_response(self.document, entries["response"], outputs.labels)
        if "id" in entries:
            found["id_fields"] = read_id(self.document, entries["id"], path)
        check_batch(self.document, entries, found)

    def _pickle(self, entries: Mapping[str, Entry], found: Mapping[str, Any]) -> None:
        if found.get("allow_pickle") and "sha256" not in entries:
            self.document.fault(
                entries["allow_pickle"].key,
                "pickle-without-pin",
                "'allow_pickle' without a pin would run whatever replaces the file",
                expected="'sha256' beside it",
                fix="add `sha256:` with the first word that `sha256sum` prints for the artifact",
            )

    def _look_at_files(self, entries: Mapping[str, Entry], found: Mapping[str, Any]) -> None:
        span = entries["artifact"].value.span
        artifact = found["artifact"]
        path = files.check_file(self.document, self.base, artifact, span, "artifact-missing")
        if path is not None:
            if "sha256" in found:
                pin_span = entries["sha256"].value.span
                files.check_pin(self.document, path, found["sha256"].lower(), pin_span)
            files.check_pickle(self.document, artifact, path, allowed=bool(found.get("allow_pickle")), span=span)
        if found.get("golden"):
            files.check_file(self.document, self.base, found["golden"], entries["golden"].value.span, "golden-missing")
