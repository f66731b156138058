"""The bytes that a file writer has written so far. Knows no format."""

from typing import Any


class Sink:
    """Collect the bytes of a file writer until they are fetched; cannot be read, and has no way back."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:
        """Take the next bytes."""
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how many bytes have been written in all."""
        return self._position

    def flush(self) -> None:
        """Do nothing: whoever fetches flushes."""

    def close(self) -> None:
        """Take no further bytes."""
        self.closed = True

    def fetch(self) -> bytes:
        """Return the bytes since the last fetch, and forget them."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
