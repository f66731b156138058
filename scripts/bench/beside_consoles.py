"""
What API clients lose beside open consoles: to browser and gateway together, and to the work of the gateway alone.

On one machine a browser that paints takes processor time from clients and gateway, which is no cost of the gateway. So
the requests of the open pages are recorded, and sent once more by a plain client, at the same moments, with no browser
at work. The three states come in turns, each time in another order; figures are medians.
"""

import http.client
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from threading import Thread
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import BrowserContext, Request

from bench.ask_gateway import get_json

CONSOLES, CLIENTS, ROUNDS, SECONDS, REST_MS, LOOKS = 5, 2, 7, 5.0, 3000, 500
FIGURES: Final = "/health?figures"


class Sent(NamedTuple):
    """Hold a request of an open page: seconds since the first, its page, path and headers."""

    at: float
    page: int
    path: str
    headers: dict[str, str]


class Run(NamedTuple):
    """Hold what API clients got a second, and processor seconds of the gateway a second."""

    rate: float
    cpu: float


def ask(netloc: str, path: str, body: bytes, seconds: float) -> int:
    """Ask on one kept connection for so long, and return how many answers came; runs in a process of its own."""
    client = http.client.HTTPConnection(netloc, timeout=20)
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        client.request("POST", path, body, {"Content-Type": "application/json"})
        client.getresponse().read()
        count += 1
    client.close()
    return count


@dataclass
class Measured:
    """A gateway, who asks it, and the figures of each state."""

    address: str
    path: str
    body: bytes
    clients: ProcessPoolExecutor
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def cpu_s(self) -> float:
        """Return the processor seconds of all workers."""
        workers = [psutil.Process(one["pid"]) for one in get_json(self.address, "/health")["workers"]]
        return sum(sum(one.cpu_times()[:2]) for one in workers)

    def run(self, state: str, meanwhile: Callable[[], Any]) -> None:
        """Let the clients ask while something else goes on, and note the figures."""
        before, netloc = self.cpu_s(), urlsplit(self.address).netloc
        begun = [self.clients.submit(ask, netloc, self.path, self.body, SECONDS) for _ in range(CLIENTS)]
        meanwhile()
        answers = sum(one.result() for one in begun)
        used = self.cpu_s() - before
        self.runs.setdefault(state, []).append(Run(answers / SECONDS, used / SECONDS))

    def figure(self, state: str) -> Run:
        """Return the medians of a state."""
        rates, cpus = zip(*self.runs[state], strict=True)
        return Run(median(rates), median(cpus))

    def lost(self, state: str) -> float:
        """Return what was lost to a state, in percent: the median over rounds, each beside its own run alone."""
        pairs = zip(self.runs["alone"], self.runs[state], strict=True)
        return median(100 * (1 - beside.rate / alone.rate) for alone, beside in pairs)


def replayed(address: str, recorded: Sequence[Sent]) -> Callable[[], None]:
    """Return a function that sends what was recorded at its moments; each page has a connection, and its last ETag."""

    def send(page: int) -> None:
        client, begun, tag = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20), time.monotonic(), ""
        for one in recorded:
            if one.page == page and one.at < SECONDS:
                time.sleep(max(0.0, begun + one.at - time.monotonic()))
                client.request("GET", one.path, headers=one.headers | ({"If-None-Match": tag} if tag else {}))
                answer = client.getresponse()
                answer.read()
                tag = answer.headers.get("ETag", tag)
        client.close()

    def send_all() -> None:
        threads = [Thread(target=send, args=(page,)) for page in range(CONSOLES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return send_all


def look_cost(measured: Measured) -> float:
    """Return the processor time of a worker for one look of an open page at the figures, in microseconds."""
    client = http.client.HTTPConnection(urlsplit(measured.address).netloc, timeout=20)
    before = measured.cpu_s()
    for _ in range(LOOKS):
        client.request("GET", FIGURES, headers={"Accept-Encoding": "gzip"})
        client.getresponse().read()
    used = measured.cpu_s() - before
    client.close()
    return used / LOOKS * 1e6


class Consoles:
    """Five pages that look at the gateway, or at nothing, and the requests that they sent in the last run."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self._address = address
        self.recorded: list[Sent] = []
        self._requests: list[tuple[int, Request]] = []
        self.pages = [context.new_page() for _ in range(CONSOLES)]
        for at, page in enumerate(self.pages):
            page.on("request", self._noting(at))

    def _noting(self, at: int) -> Callable[[Request], None]:
        def note(request: Request) -> None:
            self._requests.append((at, request))

        return note

    def close_all(self) -> None:
        """Let the pages show nothing."""
        for page in self.pages:
            page.goto("about:blank")

    def open_all(self) -> None:
        """Open the index in every page, and wait until all of them are at rest."""
        for page in self.pages:
            page.goto(f"{self._address}/")
        self._wait(REST_MS)

    def stay_open(self) -> None:
        """Let the pages do what they do by themselves for the length of a run, and record what they ask."""
        self._requests.clear()
        begun = time.time()
        self._wait(SECONDS * 1000)
        asked = [(one.timing["startTime"] / 1000 - begun, at, one) for at, one in self._requests]
        sent = [Sent(max(0.0, when), at, _path(one), _plain(one)) for when, at, one in asked]
        self.recorded = sorted(sent, key=lambda one: one.at)

    def _wait(self, ms: float) -> None:
        # Playwright takes in what happens on all its pages while one of them waits.
        self.pages[0].wait_for_timeout(ms)


def _path(request: Request) -> str:
    parts = urlsplit(request.url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _plain(request: Request) -> dict[str, str]:
    """Return the headers of a request, those of its connection and of its copy aside."""
    dropped = {"host", "connection", "if-none-match"}
    return {name: value for name, value in request.all_headers().items() if name[0] != ":" and name not in dropped}


def measure(context: BrowserContext, address: str, path: str, body: bytes, rounds: int = ROUNDS) -> list[str]:
    """Measure the three states in turns, and return the lines to print."""
    consoles = Consoles(context, address)
    with ProcessPoolExecutor(CLIENTS, mp_context=multiprocessing.get_context("spawn")) as clients:
        measured = Measured(address, path, body, clients)
        _warm(measured, consoles)

        def alone() -> None:
            consoles.close_all()
            measured.run("alone", lambda: time.sleep(SECONDS))

        def beside() -> None:
            consoles.open_all()
            measured.run("beside", consoles.stay_open)

        def again() -> None:
            consoles.close_all()
            measured.run("replayed", replayed(address, consoles.recorded))

        states = [alone, beside, again]
        for number in range(rounds):
            for place in range(len(states)):
                states[(number + place) % len(states)]()
        cost_us = look_cost(measured)
    return lines_of(measured, len(consoles.recorded), cost_us)


def _warm(measured: Measured, consoles: Consoles) -> None:
    consoles.open_all()
    measured.run("beside", consoles.stay_open)
    measured.runs.clear()


def lines_of(measured: Measured, requests: int, cost_us: float) -> list[str]:
    """Return the figures in words."""
    alone, beside, again = map(measured.figure, ("alone", "beside", "replayed"))
    spread = [100 * (1 - b.rate / a.rate) for a, b in zip(measured.runs["alone"], measured.runs["beside"], strict=True)]
    return [
        f"API clients alone: {alone.rate:.0f}/s, {alone.cpu:.3f} s of processor time of the gateway a second",
        f"beside {CONSOLES} open consoles: {beside.rate:.0f}/s, {beside.cpu:.3f} s, {measured.lost('beside'):.1f} %"
        f" lost to browser and gateway; {len(spread)} rounds, {min(spread):.1f} to {max(spread):.1f} %",
        f"beside the same {requests} requests in {SECONDS:.0f} s without a browser: {again.rate:.0f}/s,"
        f" {again.cpu:.3f} s, {measured.lost('replayed'):.1f} % lost to the gateway alone",
        f"a look at the figures costs a worker {cost_us:.0f} us: those of the consoles are"
        f" {requests / SECONDS * cost_us / 1e6 / max(alone.cpu, 1e-9) * 100:.2f} % of what the clients use",
    ]
