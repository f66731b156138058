"""What the parent asks the child that reads an MLflow store, and what the child answers; one line of JSON each."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Ask a store what references name now.

    `base` is the folder that relative paths start from, `scratch` one for downloads. One access may take `timeout_s`.
    `kept` are exact references whose copies are here, which need not be fetched again. `egress` are the places that
    connections may lead to; none: any. `variables` are set in the environment of the child alone.
    """

    uri: str
    base: str
    scratch: str
    timeout_s: float
    references: tuple[str, ...]
    kept: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    Say what a reference names now; `path` is where it lies on this machine, "" where it need not be fetched.

    `problem` is set where nothing was found; `is_away` then says that the store could not be asked.
    """

    reference: str
    exact: str = ""
    name: str = ""
    version: str = ""
    run_id: str = ""
    metric: str = ""
    value: float | None = None
    path: str = ""
    notes: tuple[str, ...] = ()
    problem: Problem | None = None
    is_away: bool = False


#: Made at import: msgspec crashes if two threads inspect a type for the first time at once.
decode_question: Final = msgspec.json.Decoder(Question).decode
decode_found: Final = msgspec.json.Decoder(Found).decode
