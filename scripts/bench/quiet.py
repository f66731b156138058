"""A run waits for a quiet second, and one that others disturb is done again: the CPU that went elsewhere says which."""

import dataclasses
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

from bench.load import Figures

#: A run beside which others took more of the machine than this is repeated, at most TRIES times; the quietest counts.
NOISE = 0.15
TRIES = 2
#: How long to wait for a second in which the machine is idle before a run; afterwards it starts all the same.
PATIENCE_S = 15
_TICKS = os.sysconf("SC_CLK_TCK")


def quietest(run: Callable[[], Figures], server_cpu_s: Callable[[], float]) -> Figures:
    """Return the figures of the least disturbed of up to TRIES runs."""
    best: Figures | None = None
    for _ in range(TRIES):
        wait_for_calm()
        found = watched(run, server_cpu_s)
        if best is None or found.others < best.others:
            best = found
        if best.others <= NOISE:
            break
    assert best is not None
    return best


def watched(run: Callable[[], Figures], server_cpu_s: Callable[[], float]) -> Figures:
    """Return the figures of a run, with the share of the machine that others took meanwhile."""
    busy, own, began = _busy_s(), server_cpu_s() + _own_s(), time.monotonic()
    found = run()
    took = (time.monotonic() - began) * (os.cpu_count() or 1)
    foreign = (_busy_s() - busy) - (server_cpu_s() + _own_s() - own)
    return dataclasses.replace(found, others=max(foreign / took, 0.0))


def wait_for_calm() -> None:
    """Return at the end of a second in which the machine was idle, or when patience is over."""
    cores = os.cpu_count() or 1
    for _ in range(PATIENCE_S):
        busy = _busy_s()
        time.sleep(1)
        if _busy_s() - busy < NOISE * cores:
            return


def _busy_s() -> float:
    """Return the CPU time of the whole machine, stolen time included."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    line = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    ticks = dict(zip(names, map(int, line), strict=True))
    return (sum(ticks.values()) - ticks["idle"] - ticks["iowait"]) / _TICKS


def _own_s() -> float:
    """Return the CPU time of this process and of the clients it has run."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total
