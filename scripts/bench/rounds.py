"""One peer in one round: start it, check its answers, warm it, drive it with 8 connections and 1, weigh it, stop it."""

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.lineup import CACHE, EXPORTS, H2O_PORT, HOME, PEERS, PORT, ROOT, Peer, python_of
from bench.load import Figures, drive
from bench.questions import QUESTIONS, Question
from bench.quiet import quietest
from bench.servers import Server, StartError, answers, post

#: Rounding that our own registry declares: decimals of earnings and sentiment.
DECLARED = {"earnings": 5e-5, "sentiment": 5e-4}


@dataclass(frozen=True, slots=True)
class Plan:
    """Say how long each step takes."""

    seconds: int = 4
    single_seconds: int = 2
    warm_seconds: int = 1


@dataclass(slots=True)
class Sample:
    """Hold one peer, one route, one round."""

    many: Figures
    single: Figures
    memory_mb: float


@dataclass(slots=True)
class Outcome:
    """Collect what came of one peer over all rounds; `reasons` say why a route was not measured."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def run_peer(peer: Peer, plan: Plan, outcome: Outcome, wanted: tuple[str, ...]) -> None:
    """Measure a peer once; what fails lands in `outcome.reasons` and costs no other peer anything."""
    routes = tuple(route for route in peer.routes if route in wanted and route not in outcome.reasons)
    groups = [(route,) for route in routes] if peer.alone else [routes]
    for group in groups:
        if not group:
            continue
        try:
            with running(peer, group) as server:
                for route in group:
                    measured = _route(peer, server, route, plan, outcome)
                    print(f"    {route}: {measured}", file=sys.stderr)
        except (StartError, OSError) as error:
            for route in group:
                outcome.reasons.setdefault(route, f"does not start: {error}"[:300])
            print(f"    {group}: {error}", file=sys.stderr)


@contextlib.contextmanager
def running(peer: Peer, routes: tuple[str, ...]) -> Iterator[Server]:
    """Run a peer, with an H2O server beside it where it needs one; yields when it answers."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in peer.name.lower())
    logs = CACHE / "logs"
    environ = {
        "PATH": f"{Path(python_of(peer.venv)).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{PEERS}:{PEERS / (peer.venv or 'bare')}:{ROOT}",
        "BENCH_MODELS": str(ROOT / "models"),
        "BENCH_MOJOS": str(ROOT / "tests" / "mojos"),
        "BENCH_EXPORTS": str(EXPORTS),
        "BENCH_HOME": str(HOME),
        "BENCH_ROUTES": ",".join(routes),
        "BENCH_H2O_URL": f"http://127.0.0.1:{H2O_PORT}",
        **peer.environ,
    }
    with contextlib.ExitStack() as stack:
        backend = stack.enter_context(h2o_server()) if peer.needs_h2o else None
        server = stack.enter_context(Server(peer.command(routes), environ, logs / f"{slug}.log", ROOT, beside=backend))
        server.wait(lambda: answers(f"http://127.0.0.1:{PORT}{peer.ready}") and _all_answer(peer, routes), 90)
        yield server


@contextlib.contextmanager
def h2o_server() -> Iterator[Server]:
    """Run an H2O server as `h2o.init()` would, on a port of ours."""
    command = ["java", "-Xmx2g", "-jar", _h2o_jar(), "-ip", "127.0.0.1", "-port", str(H2O_PORT), "-nthreads", "2"]
    with Server(command, {}, CACHE / "logs" / "h2o-server.log", CACHE) as server:
        server.wait(lambda: answers(f"http://127.0.0.1:{H2O_PORT}/3/Cloud"))
        yield server


def _all_answer(peer: Peer, routes: tuple[str, ...]) -> bool:
    return all(answers_post(peer, QUESTIONS[route]) for route in routes)


def answers_post(peer: Peer, question: Question) -> bool:
    """Say whether a route answers with a number at all."""
    try:
        peer.dialect.read(question, post(peer.url(question.route), peer.dialect.encode(question)))
    except OSError as error:
        if "not ready" in str(error):
            return False
        # 4xx and 500 are answers that will not get better by waiting: the check of answers reports them.
        return str(error)[:3].isdigit() and str(error)[:3] not in ("502", "503", "504", "404")
    except ValueError:
        return True
    return True


def wrong_answer(peer: Peer, question: Question) -> str:
    """Return how a peer's answer differs from the native library's, or ''."""
    try:
        found = peer.dialect.read(question, post(peer.url(question.route), peer.dialect.encode(question)))
    except (OSError, ValueError) as error:
        return f"does not answer: {error}"[:300]
    allowed = 1e-6 + 1e-5 * abs(question.expected)
    if peer.name.startswith("gateway"):
        allowed = max(allowed, DECLARED.get(question.route, 0.0))
    if abs(found - question.expected) > allowed:
        return f"answers {found!r}, the native library {question.expected!r}"
    return ""


def _route(peer: Peer, server: Server, route: str, plan: Plan, outcome: Outcome) -> str:
    question = QUESTIONS[route]
    reason = wrong_answer(peer, question)
    if reason:
        outcome.reasons[route] = reason
        return reason
    url, body, scratch = peer.url(route), peer.dialect.encode(question), CACHE / "wrk"
    drive(url, body, connections=8, seconds=plan.warm_seconds, scratch=scratch)

    def quiet(connections: int, seconds: int) -> Figures:
        run = functools.partial(drive, url, body, connections=connections, seconds=seconds, scratch=scratch)
        return quietest(run, server.cpu_s)

    sample = Sample(quiet(8, plan.seconds), quiet(1, plan.single_seconds), server.pss_mb())
    many, single = sample.many, sample.single
    outcome.samples.setdefault(route, []).append(sample)
    return f"{_shown(many)} | c=1 {_shown(single)}"


def _shown(run: Figures) -> str:
    return f"{run.rate:.0f}/s p50 {run.p50_ms:.2f} p99 {run.p99_ms:.2f}, others {run.others:.0%}"


def _h2o_jar() -> str:
    """Return the H2O server's jar out of the pip package."""
    python = python_of("h2o")
    root = CACHE / "venvs" / "h2o" / "lib"
    found = next(root.glob("python*/site-packages/h2o/backend/bin/h2o.jar"), None)
    if found is None:
        raise StartError(f"no h2o.jar beside {python}")
    return str(found)
