"""
What a refused request costs beside an answered one: a flood of wrong keys must not be dearer than one of right ones.

`python -m bench.refusals 2>/dev/null` (see README.md). As bench.security: CPU of one request in one worker's process,
least of all batches of interleaved rounds. Audit lines go to standard error; beyond their budget they are summed.
"""

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.cpu_time import least_us
from bench.inprocess import Environ, Wsgi, environ_of, make_gateway
from bench.security import authenticator_in, one_row, registry_in
from gateway.process.generation_follower import Gateway
from gateway.rest.middleware.telemetry import Telemetry
from gateway.security import api_key, audit, key_changes
from gateway.security.authentication import Authenticator
from gateway.security.limits import CallerLimits, Rate
from security import issuer

#: Few enough that a loop is beyond them at once, and so many that it never is.
_FEW, _MANY = (CallerLimits(requests=Rate(count, 3600)) for count in (1, 100_000_000))


class Case(NamedTuple):
    """Name a request, the status that it gets, and what is done before each of them."""

    name: str
    status: int
    credential: str
    path: str = "/open"
    limits: CallerLimits | None = None
    before: Callable[[], None] | None = None


def cases(folder: Path, known: Authenticator, key: str, signer: issuer.SigningKey) -> list[Case]:
    """Return every case; the first ones are answered."""
    tokens: Any = known.tokens
    sums: Any = audit._sums

    def give_line() -> None:
        sums._paid_until = 0.0

    parsed = api_key.parse(key)
    other = key_changes.create(folder / "keys.yaml", ["metrics"], datetime.now(UTC)).text
    known.keyring.look()
    token = issuer.token(signer, scope="predict:*")
    wrong = api_key.new_text(parsed.id)
    forged = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    return [
        Case("a right key", 200, key),
        Case("a right token, seen before", 200, token),
        Case("a right token, first look", 200, token, before=tokens._known.clear),
        Case("no key", 401, ""),
        Case("a wrong secret", 401, wrong),
        Case("an unknown id", 401, api_key.new_text("aaaaaaaa")),
        Case("a forged token", 401, forged),
        Case("a right key without the scope", 403, other),
        Case("a right key, no such path", 404, key, path="/nothing"),
        Case("a wrong secret, with an audit line of its own", 401, wrong, before=give_line),
        Case("a wrong secret, within `server.limits`", 401, wrong, limits=_MANY),
        Case("a wrong secret, beyond `server.limits`", 429, wrong, limits=_FEW),
    ]


def sender(gateway: Gateway, app: Wsgi, case: Case, body: bytes) -> Callable[[], None]:
    """Return a function that sends a request of a case; raises SystemExit where it gets another status."""
    holder: Any = gateway._holder  # what a reload does with other limits
    credential: Environ = {"HTTP_AUTHORIZATION": f"Bearer {case.credential}"} if case.credential else {}
    generation = dataclasses.replace(holder.generation, limits=case.limits)
    status: list[str] = []

    def send(start: Callable[..., None]) -> None:
        if case.before is not None:
            case.before()
        holder.generation = generation
        for _ in app(environ_of(case.path, body) | credential, start):
            pass

    for _ in range(2):  # the first of few is within them
        send(lambda told, headers, exc_info=None: status.append(told))
    if not status[-1].startswith(str(case.status)):
        raise SystemExit(f"{case.name} got {status[-1]}, expected {case.status}")
    return partial(send, lambda told, headers, exc_info=None: None)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway = make_gateway(registry_in(folder), folder / "home")
        signer = issuer.rsa_key("RS256-key")
        known, key = authenticator_in(folder, [signer])
        telemetry: Any = gateway._app
        app: Wsgi = Telemetry(telemetry._app, telemetry._current, known)
        body = one_row()
        kinds = [(case, sender(gateway, app, case, body)) for case in cases(folder, known, key, signer)]
        found: dict[str, list[float]] = {case.name: [] for case, _ in kinds}
        for number in range(options.rounds):
            for case, send in kinds[:: -1 if number % 2 else 1]:
                found[case.name].append(least_us(send, options.batches))
    right = min(found[kinds[0][0].name])
    print(f"{options.rounds} rounds; us of CPU a request: least, against a right key, median of the rounds\n")
    print("| request | status | us | of a right key's | median |\n| --- | --- | --- | --- | --- |")
    for case, _ in kinds:
        values = found[case.name]
        print(
            f"| {case.name} | {case.status} | {min(values):.1f} | {min(values) / right:.0%} "
            f"| {statistics.median(values):.1f} |"
        )


if __name__ == "__main__":
    main()
