"""The scoreboard: what a worker wrote is there for all others, whatever happens to the worker."""

import multiprocessing
import os
import random
import signal
import time
import timeit
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import gateway.scoreboard.layout as lay
from gateway.errors import GatewayError
from gateway.scoreboard import IN_FLIGHT_ENTRIES, WINDOW_S, Scoreboard
from gateway.scoreboard.latency import BOUNDS_NS, BUCKETS, bucket_of, quantile

_FORK = multiprocessing.get_context("fork")
Start = Callable[..., tuple[Any, Connection]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of a scoreboard of 4 slots and 8 routes."""
    place = tmp_path / "run" / "board"
    Scoreboard.create(place, slots=4, routes=8).close()
    return place


@pytest.fixture
def start() -> Iterator[Start]:
    """Start real processes, and see to it that none survives."""
    running: list[Any] = []

    def begin(work: Callable[..., None], *args: object) -> tuple[Any, Connection]:
        here, there = _FORK.Pipe()
        process = _FORK.Process(target=work, args=(there, *args), daemon=True)
        process.start()
        running.append(process)
        return process, here

    yield begin
    for process in running:
        process.kill()
        process.join()


def _kill(process: Any) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _predicting(pipe: Connection, path: Path, routes: list[str]) -> None:
    scoreboard = Scoreboard.open(path)
    slot = scoreboard.claim()
    index = scoreboard.bind(slot, ["loan", "diabetes", "churn"])
    slot.record(index["loan"], 1_000_000)
    entries = [slot.begin(index[route]) for route in routes]
    slot.finish(index[routes[0]], entries[0])
    pipe.send(os.getpid())
    time.sleep(60)


def test_a_killed_worker_leaves_what_it_was_predicting(path: Path, start: Start) -> None:
    """After kill -9 the scoreboard names the routes in flight, and no route that was finished."""
    scoreboard = Scoreboard.open(path)
    process, pipe = start(_predicting, path, ["loan", "diabetes", "churn", "diabetes"])
    pid = pipe.recv()
    assert scoreboard.routes()["loan"].requests == 1
    _kill(process)
    assert [entry.route for entry in scoreboard.dead(pid)] == ["diabetes", "churn", "diabetes"]
    (worker,) = scoreboard.workers()
    assert (worker.pid, worker.alive) == (pid, False)
    assert scoreboard.routes() == {}


def test_a_successor_does_not_wipe_the_traces_of_the_dead(path: Path, start: Start) -> None:
    """A new worker takes a free slot; the dead one's is freed by `reclaim`, or taken when no other is left."""
    scoreboard = Scoreboard.open(path)
    process, pipe = start(_predicting, path, ["loan", "churn"])
    pid = pipe.recv()
    _kill(process)
    slots = [scoreboard.claim() for _ in range(3)]
    assert [entry.route for entry in scoreboard.dead(pid)] == ["churn"]
    last = scoreboard.claim()
    assert scoreboard.dead(pid) == ()
    with pytest.raises(GatewayError, match="all 4 slots"):
        scoreboard.claim()
    last.release()
    scoreboard.reclaim(os.getpid())  # alive: nothing happens
    assert len(scoreboard.workers()) == len(slots)


def test_reclaim_frees_only_the_dead(path: Path, start: Start) -> None:
    """The arbiter may call it for any pid."""
    scoreboard = Scoreboard.open(path)
    process, pipe = start(_predicting, path, ["loan"])
    pid = pipe.recv()
    scoreboard.reclaim(pid)
    assert [worker.pid for worker in scoreboard.workers()] == [pid]
    _kill(process)
    scoreboard.reclaim(pid)
    assert scoreboard.workers() == []


def test_routes_are_summed_over_live_workers(path: Path, start: Start) -> None:
    """Numbers of all processes add up, states are counted, the worst state speaks for the route."""
    scoreboard = Scoreboard.open(path)
    _, pipe = start(_predicting, path, ["loan", "loan"])
    pipe.recv()
    slot = scoreboard.claim()
    loan = scoreboard.bind(slot, ["loan"])["loan"]
    slot.record(loan, 3_000_000, error=True)
    slot.begin(loan)
    slot.shed(loan)
    slot.queue_depth(loan, 5)
    slot.model(loan, "ready")
    view = scoreboard.routes()["loan"]
    assert (view.requests, view.errors, view.shed) == (2, 1, 1)
    assert (view.in_flight, view.queue_depth) == (2, 5)
    assert (view.states, view.state) == ({"unknown": 1, "ready": 1}, "ready")
    slot.model(loan, "failed")
    assert scoreboard.routes()["loan"].state == "failed"
    assert set(scoreboard.routes()) == {"loan", "diabetes", "churn"}


def _flipping(pipe: Connection, path: Path) -> None:
    slot = Scoreboard.open(path).claim()
    pipe.send(None)
    while True:
        slot.generation("a" * 32)
        slot.generation("b" * 32)


def test_no_reader_sees_half_a_text(path: Path, start: Start) -> None:
    """While a worker rewrites its texts at full speed, each reading is one that was written."""
    scoreboard = Scoreboard.open(path)
    _, pipe = start(_flipping, path)
    pipe.recv()
    seen = set()
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        (worker,) = scoreboard.workers()
        seen.add(worker.generation)
    assert seen - {""} == {"a" * 32, "b" * 32}


def _counting(pipe: Connection, path: Path) -> None:
    scoreboard = Scoreboard.open(path)
    slot = scoreboard.claim()
    loan = scoreboard.bind(slot, ["loan"])["loan"]
    pipe.send(None)
    while True:
        slot.finish(loan, slot.begin(loan))
        slot.record(loan, 2**40 - 1)


def test_no_reader_sees_half_a_number(path: Path, start: Start) -> None:
    """Counters only grow while they are written, and stay consistent with each other."""
    scoreboard = Scoreboard.open(path)
    _, pipe = start(_counting, path)
    pipe.recv()
    last = 0
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        view = scoreboard.routes()["loan"]
        assert last <= view.requests <= last + 1_000_000
        assert view.in_flight in (0, 1)
        last = view.requests
    assert last > 100


def _binding(pipe: Connection, path: Path, together: Any, start_at: int) -> None:
    scoreboard = Scoreboard.open(path)
    slot = scoreboard.claim()
    index: dict[str, int] = {}
    for _ in range(100):
        together.wait()
        moment = time.monotonic_ns() // 1_000_000 + 2
        while time.monotonic_ns() < moment * 1_000_000:  # a barrier alone wakes one after the other
            pass
        names = [f"r{len(index) + i}" for i in range(4)]
        index |= scoreboard.bind(slot, names[start_at:] + names[:start_at])
    pipe.send((slot.number, index))
    time.sleep(60)


def test_workers_agree_on_slots_and_names(tmp_path: Path, start: Start) -> None:
    """Whoever binds a name first decides its index for all, also when they do so at once; no two share a slot."""
    scoreboard = Scoreboard.create(tmp_path / "board", slots=4, routes=400)
    together = _FORK.Barrier(3)
    pipes = [start(_binding, tmp_path / "board", together, i)[1] for i in range(3)]
    slots, answers = zip(*(pipe.recv() for pipe in pipes), strict=True)
    assert len(set(slots)) == 3
    assert answers[0] == answers[1] == answers[2]
    assert sorted(answers[0].values()) == list(range(400))
    assert scoreboard.names() == {index: name for name, index in answers[0].items()}


def test_a_name_is_recycled_only_when_nobody_serves_it(path: Path) -> None:
    """A full directory refuses new names until every slot has dropped an old one; its numbers start at zero."""
    scoreboard = Scoreboard.open(path)
    first, second = scoreboard.claim(), scoreboard.claim()
    index = scoreboard.bind(first, [f"r{i}" for i in range(8)])
    scoreboard.bind(second, ["r3"])
    first.record(index["r3"], 1)
    first.drop([index["r3"]])
    with pytest.raises(GatewayError, match="room for 8 routes"):
        scoreboard.bind(first, ["new"])
    second.drop([index["r3"]])
    assert scoreboard.bind(first, ["new"]) == {"new": index["r3"]}
    assert scoreboard.routes()["new"].requests == 0
    assert "r3" not in scoreboard.routes()
    assert scoreboard.bind(first, ["new", "r0"]) == {"new": index["r3"], "r0": index["r0"]}


def test_more_predicts_than_entries_are_counted(path: Path) -> None:
    """The 65th predict at a time is counted without an entry, and all entries come back."""
    scoreboard = Scoreboard.open(path)
    slot = scoreboard.claim()
    loan = scoreboard.bind(slot, ["loan"])["loan"]
    for _ in range(2):
        entries = [slot.begin(loan) for _ in range(IN_FLIGHT_ENTRIES + 6)]
        assert scoreboard.routes()["loan"].in_flight == IN_FLIGHT_ENTRIES + 6
        assert len(scoreboard.dead(os.getpid())) == IN_FLIGHT_ENTRIES
        for entry in entries:
            slot.finish(loan, entry)
        assert scoreboard.dead(os.getpid()) == ()
    assert scoreboard.routes()["loan"].in_flight == 0


def test_quantiles_are_right_within_a_bucket() -> None:
    """An estimate is never off by more than the ratio of two bounds."""
    ratio = BOUNDS_NS[1] / BOUNDS_NS[0]
    probability = random.Random(7)
    durations = sorted(int(probability.lognormvariate(15, 1.5)) for _ in range(5000))
    counts = [0] * BUCKETS
    for duration in durations:
        counts[bucket_of(duration)] += 1
    for share in (0.5, 0.95, 0.99):
        exact = durations[int(share * len(durations))] / 1e9
        estimate = quantile(counts, share)
        assert estimate is not None
        assert exact / ratio < estimate < exact * ratio
    assert quantile([0] * BUCKETS, 0.5) is None
    assert quantile([0] * (BUCKETS - 1) + [1], 0.5) == 60.0


def test_old_windows_do_not_count(path: Path) -> None:
    """A quantile is about the running window of 30 s and the one before, never about older ones."""
    scoreboard = Scoreboard.open(path)
    slot = scoreboard.claim()
    loan = scoreboard.bind(slot, ["loan"])["loan"]
    slot.record(loan, 1_000_000)
    view = scoreboard.routes()["loan"]
    assert view.p50_s == pytest.approx(0.001, rel=0.6)
    assert WINDOW_S <= view.recent_s <= 2 * WINDOW_S
    row = scoreboard._memory.geometry.row(slot.number, loan)
    for side in (0, 1):  # as if two windows had passed
        epoch = row + lay.R_EPOCH + side
        scoreboard._memory.words[epoch] = max(scoreboard._memory.words[epoch], 2) - 2
    view = scoreboard.routes()["loan"]
    assert (view.p50_s, view.per_second, view.requests) == (None, 0.0, 1)
    slot.record(loan, 1_000_000)
    assert sum(scoreboard.routes()["loan"].recent) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 10_000])
def test_another_file_is_no_scoreboard(tmp_path: Path, content: bytes) -> None:
    """A foreign, empty or cut file is refused with its path."""
    (tmp_path / "board").write_bytes(content)
    with pytest.raises(GatewayError, match="is not a scoreboard"):
        Scoreboard.open(tmp_path / "board")


def test_a_request_costs_next_to_nothing(path: Path) -> None:
    """Noting a request stays far below the time of any predict (about 2 us; 40 leaves room for a busy machine)."""
    scoreboard = Scoreboard.open(path)
    slot = scoreboard.claim()
    loan = scoreboard.bind(slot, ["loan"])["loan"]

    def request() -> None:
        slot.finish(loan, slot.begin(loan))
        slot.record(loan, 1_234_567)

    assert min(timeit.repeat(request, number=2000, repeat=5)) / 2000 < 40e-6
