"""Text of an event of the history, as `gateway reload`, `rollback` and `history` print it."""

from gateway.generations.history import Event


def text_of(event: Event) -> str:
    """Return one line, and the reason below it."""
    head = f"{event.result} {event.generation}".strip()
    parts = [
        f"{name} {', '.join(getattr(event, name))}" for name in ("added", "changed", "removed") if getattr(event, name)
    ]
    text = "; ".join([head, *parts]) + f"  ({event.took_s:.1f} s)"
    return f"{text}\n{_indented(event.reason)}" if event.reason else text


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
