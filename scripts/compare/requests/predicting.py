"""Rows, right and wrong, in every dialect, with every form of answer."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from compare.requests.base import Request
from compare.requests.dialects import EVERY, FILES, MANY, ONE, Row
from compare.requests.rows import CORNERS, FIVE, WRONG, spoiled

_SERVED: Final = {"five": FIVE, "corners": CORNERS}
#: Each is sent with every dialect and route once more.
_HEADERS: Final[Sequence[dict[str, str]]] = (
    {"Accept": "text/csv"},
    {"Accept": "application/x-ndjson"},
    {"Accept": "application/vnd.apache.parquet"},
    {"Accept": "text/html, application/xhtml+xml, */*;q=0.8"},
    {"Accept": "application/problem+json"},
    {"Accept": "image/png"},
    {"Accept-Encoding": "gzip"},
    {"Prefer": "on-error=skip"},
    {"Prefer": "on-error=skip", "Accept": "text/csv"},
    {"Prefer": "return=minimal; x, on-error=skip", "Accept": "application/x-ndjson"},
    {"X-Request-ID": "mine-1", "Origin": "https://app.example"},
    {"X-Request-ID": "not one: <x>", "Origin": "https://evil.example"},
    {"X-Request-Timeout-Ms": "2000"},
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "User-Agent": "recorder"},
)


def requests(dice: random.Random) -> Iterator[Request]:
    """Yield good rows, then every kind of answer, then rows with a fault."""
    for server, routes in _SERVED.items():
        for path, make in routes.items():
            for dialect, write in EVERY.items():
                count = 1 if dialect in ONE else dice.randint(1, 3)
                yield write(server, f"good {dialect}", path, [make(dice) for _ in range(count)], {})
            for number, headers in enumerate(_HEADERS):
                dialect = dice.choice([*ONE, *MANY])
                count = 1 if dialect in ONE else 2 + number % 3
                rows = [make(dice) for _ in range(count)]
                if "Prefer" in headers and count > 1:
                    rows[1] = spoiled(rows[1], dice.choice(list(rows[1])), dice.choice(WRONG))
                yield EVERY[dialect](server, f"{' '.join(headers.values())} {dialect}", path, rows, headers)
            yield from _faults(dice, server, path, make(dice), [make(dice) for _ in range(2)])
    yield from _loose(dice)


def _faults(dice: random.Random, server: str, path: str, row: Row, others: Sequence[Row]) -> Iterator[Request]:
    """Spoil each field in each way; the dialects take turns."""
    fields = list(row)
    kinds = [(field, kind) for field in fields for kind in WRONG]
    most = 120 if server == "five" else 40
    for field, kind in dice.sample(kinds, min(most, len(kinds))):
        dialect = dice.choice([*ONE, *MANY, dice.choice(list(FILES))])
        bad = spoiled(row, field, kind)
        rows = [bad] if dialect in ONE else [others[0], bad, others[1]]
        skip = {"Prefer": "on-error=skip"} if dialect in MANY and dice.random() < 0.2 else {}
        yield EVERY[dialect](server, f"{kind} {field} {dialect} {skip or ''}", path, rows, skip)


def _loose(dice: random.Random) -> Iterator[Request]:
    """Ask the server that ignores unknown names and repeats no values."""
    for path in ("/sum", "/text", "/label", "/echo", "/by-id"):
        make = CORNERS[path]
        for dialect in [*ONE, *MANY]:
            row = make(dice)
            yield EVERY[dialect]("loose", f"good {dialect}", path, [{**row, "note": "x"}], {})
            bad = spoiled(row, dice.choice(list(row)), dice.choice(WRONG))
            yield EVERY[dialect]("loose", f"bad {dialect}", path, [bad], {"Origin": "https://any.example"})
