"""The one instance that a model is asked for while it is prepared, and whether it may be asked at all (`trial:`)."""

from collections.abc import Sequence
from pathlib import Path

from gateway.artifacts import golden_rows
from gateway.registry.spec import RouteSpec
from gateway.schema import Column, Signature
from gateway.validation.sample import sample_row


def trial_row(spec: RouteSpec, native: Signature, merged: Signature, golden_path: str) -> Sequence[Column] | None:
    """
    Return one plausible instance: the first golden row, else examples, defaults and levels of the signature.

    None where the route allows no call: `trial: off`, or `trial: golden` without golden rows.
    """
    if spec.trial == "off" or (spec.trial == "golden" and not golden_path):
        return None
    if golden_path:
        return [column[:1] for column in golden_rows.read(Path(golden_path), native).columns]
    return sample_row(merged)
