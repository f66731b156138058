"""The predictor of a route of kind upstream, while it is prepared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.errors import LoadError
from gateway.executors.upstream_client import client_of
from gateway.prepare.entry import Entry
from gateway.prepare.remote import ELSEWHERE
from gateway.prepare.remote_predictor import PREDICT_S, RemotePredictor
from gateway.prepare.upstream import read_metadata, remote_of
from gateway.prepare.upstream_signature import signature_of


def predictor_of(entry: Entry) -> RemotePredictor:
    """Return the predictor of the metadata that were kept; raises LoadError where they do not fit the registry."""
    spec, stored = entry.spec, Path(entry.artifact.path)
    for name, keywords in spec.inputs.items():
        if "dummies" in keywords:
            raise LoadError(
                f"inputs.{name}: 'dummies' are made of a model's own columns, and {ELSEWHERE}",
                code="executor-metadata",
                hint="delete 'dummies', and name the columns that the server takes",
            )
    binary, metadata = read_metadata(stored)
    signature, tensors = signature_of(metadata, spec)
    remote = remote_of(spec, binary=binary)
    found = RemotePredictor(client_of(remote), signature, tensors, remote)
    found.predict_s = max(spec.timeout_s, PREDICT_S)
    found.platform = _text(metadata, "platform")
    return found


def _text(metadata: Mapping[str, Any], name: str) -> str:
    found = metadata.get(name)
    return found[:80] if isinstance(found, str) else ""
