"""
The scenarios of this measurement: each takes a running server and returns figures by name.

Knows the load generators; refuses to know the variants.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from clients import BODY, OK, Tally, count_failures, head, read_answer
from server import Server, cpu_of_s

from artifacts import BUILD

HERE = Path(__file__).resolve().parent
Figures = dict[str, float | str]
LUA = BUILD / "post.lua"
LOAD_S, NEIGHBOURS_S, HUPS = 1, 8, 2
TRIES, QUIET_S = 3, 0.25
FOREIGN: list[float] = []  # CPU seconds that others used in each second kept
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


Load = tuple[float, float, float]
Beside = subprocess.Popen[bytes] | None


def wrk(server: Server, path: str, connections: int, beside: Beside = None) -> Load:
    """
    Return requests per second, p50 and p99 in ms of the quietest of up to TRIES seconds; NaN where nothing answered.

    Quiet means: the CPU time that neither the workers, nor wrk, nor the process `beside` used is under QUIET.
    """
    best = (math.inf, (0.0, math.nan, math.nan))
    for _ in range(TRIES):
        mine, machine = _own_cpu_s(server, beside), _machine_cpu_s()
        figures = _wrk_once(server.port, path, connections)
        if best[0] < math.inf and beside is not None and beside.poll() is not None:
            break  # the neighbours left meanwhile: this second is too good
        foreign = _machine_cpu_s() - machine - (_own_cpu_s(server, beside) - mine)
        if foreign < best[0]:
            best = (foreign, figures)
        if foreign < QUIET_S:
            break
    FOREIGN.append(best[0])
    return best[1]


def _wrk_once(port: int, path: str, connections: int) -> Load:
    options = [f"-c{connections}", f"-d{LOAD_S}s", "--timeout", "20s", "--latency"]
    text = subprocess.run(_wrk_command(port, path, *options), capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    points = {m[1]: float(m[2]) * UNITS[m[3]] for m in re.finditer(r"(\d\d)%\s+([\d.]+)(us|ms|s|m)", text)}
    per_second = float(rate[1]) if rate else 0.0
    return per_second, *((points["50"], points["99"]) if per_second else (math.nan, math.nan))


def _wrk_command(port: int, path: str, *options: str) -> list[str]:
    return ["wrk", "-t1", *options, "-s", str(LUA), f"http://127.0.0.1:{port}{path}"]


def _own_cpu_s(server: Server, beside: subprocess.Popen[bytes] | None) -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = children.ru_utime + children.ru_stime + server.cpu_s()
    return own + (cpu_of_s(beside.pid) if beside else 0.0)


def _machine_cpu_s() -> float:
    fields = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:3]) + fields[5] + fields[6] + fields[7]) / os.sysconf("SC_CLK_TCK")


def measure_load(server: Server, routes: Sequence[str], counts: Sequence[int]) -> Figures:
    """Throughput and latency without neighbours."""
    out: Figures = {}
    for route in routes:
        for connections in counts:
            name = f"{route} c{connections}"
            rate, p50, p99 = wrk(server, f"/{route}", connections)
            out |= {f"{name} req/s": rate, f"{name} p50 ms": p50, f"{name} p99 ms": p99}
    return out


def measure_beside(server: Server, name: str, kind: str, count: int) -> Figures:
    """Latency of /onnx at 8 and at 1 connections beside a crowd of clients in a process of their own."""
    program = [sys.executable, str(HERE / "neighbours.py")]
    command = [*program, kind, str(count), str(server.port), str(NEIGHBOURS_S)]
    neighbours = subprocess.Popen(command)
    time.sleep(1.2)
    rate, _, p99 = wrk(server, "/onnx", 8, neighbours)
    _, p50, single = wrk(server, "/onnx", 1, neighbours)
    neighbours.wait(30)
    time.sleep(2.5 if kind == "/slow" else 0.2)
    eight: Figures = {f"{name}: c8 req/s": rate, f"{name}: c8 p99 ms": p99}
    return eight | {f"{name}: c1 p50 ms": p50, f"{name}: c1 p99 ms": single}


def measure_unevenness(server: Server) -> Figures:
    """Open 8 connections at once, four times; return how many of the 8 the fuller worker got, and the p99 by split."""

    async def split() -> int:
        pairs = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(8)]
        pids: list[str] = []
        for reader, writer in pairs:
            writer.write(head("/noop") + BODY)
            fields = (await reader.readuntil(b"\r\n\r\n")).lower()
            found = re.search(rb"x-pid: (\d+)", fields)
            pids.append(found[1].decode() if found else "")
        for _, writer in pairs:
            writer.close()
        return max(pids.count(pid) for pid in set(pids))

    idle = [asyncio.run(split()) for _ in range(4)]
    return {
        "fuller worker, idle (of 8)": statistics.mean(idle),
        "fuller worker, under load (of 8)": _split_of_wrk(server),
    }


def _split_of_wrk(server: Server) -> float:
    """Start wrk four times and look, through /proc/net/tcp, whose its 8 connections are."""
    found = []
    for _ in range(4):
        command = _wrk_command(server.port, "/onnx", "-c8", "-d1s")
        load = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        found.append(max(_connections(pid, server.port) for pid in server.workers()))
        load.wait()
    return statistics.mean(found)


def _connections(pid: int, port: int) -> int:
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    return sum(link in ours for link in links)


def measure_hup(server: Server) -> Figures:
    """HUP twice under 8 keep-alive and 8 one-shot clients, then count requests without a complete 200."""

    async def play() -> Tally:
        stop, tally = asyncio.Event(), Tally()
        clients = [count_failures(server.port, stop, tally, keep=i % 2 == 0) for i in range(16)]
        jobs = [asyncio.create_task(client) for client in clients]
        for _ in range(HUPS):
            await asyncio.sleep(0.5)
            server.signal(signal.SIGHUP)
            await asyncio.sleep(3.5)
        stop.set()
        await asyncio.gather(*jobs)
        return tally

    tally = asyncio.run(play())
    failed = sum(tally.failed.values())
    return {"HUP x2 failed": failed, "HUP x2 requests": tally.good, "HUP x2 longest ms": tally.longest_s * 1000}


def measure_stop(server: Server) -> Figures:
    """TERM with one request in flight (/slow) and 4 idle keep-alive connections; return what became of them."""

    async def play() -> tuple[str, float]:
        idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        for reader, writer in idle:
            writer.write(head("/noop") + BODY)
            await read_answer(reader)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head("/slow") + BODY)
        await asyncio.sleep(0.5)
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        try:
            status, _ = await asyncio.wait_for(read_answer(reader), 20)
            outcome = "answered" if status == OK else str(status)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            outcome = type(error).__name__
        await asyncio.to_thread(server.process.wait, 40)
        for _, other in [*idle, (reader, writer)]:
            other.close()
        return outcome, time.monotonic() - began

    outcome, seconds = asyncio.run(play())
    return {"TERM: request in flight": outcome, "TERM: exit after s": seconds}
