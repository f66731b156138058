"""One request of the client, before it is known which server gets it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """Hold method and target, the header lines of the body, the body, and the most bytes of an answer."""

    target: str
    lines: str
    body: tuple[bytes, ...]
    most_bytes: int
