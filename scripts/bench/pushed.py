"""
Let clients of every kind push one worker and print the longest turn of its event loop, and what others were answered.

PYTHONPATH=scripts:tests python -m bench.pushed [seconds a kind, 6 when not said] [part of a name] [connections, 40]

A turn is measured in CPU time of the loop's thread, so that what else runs on the machine does not count. The first
line is a gateway that nobody pushes.
"""

import contextlib
import socket
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import psutil

import serving
from pushers import KINDS, Pusher

REGISTRY = """
version: 1
routes:
  /m: {artifact: "m.py:predict"}
  /probe: {artifact: "probe.py:predict"}
"""
CODE = {
    "m.py": "def predict(a: float) -> float:\n    return a\n",
    "probe.py": """
import gc, threading, time
from gevent.hub import Hub

turns = []
kept = []

def watch():
    hub = next(one for one in gc.get_objects() if isinstance(one, Hub))
    last = [0.0]

    def turn():
        now = time.thread_time()  # of the thread that runs the loop
        turns.append(now - last[0])
        last[0] = now

    def begin():
        kept.append(hub.loop.check())
        kept[0].start(turn)

    hub.loop.run_callback_threadsafe(begin)

threading.Thread(target=watch, daemon=True).start()

def predict(which: float) -> float:
    found = sorted(turns)
    if which == 0:
        turns.clear()
        return 0.0
    return 1e3 * found[min(int(which * len(found)), len(found) - 1)] if found else 0.0
""",
}


def main(seconds: float, part: str, connections: int) -> None:
    """Print one line for each kind."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache = Path(scratch, "gateway"), Path(scratch, "cache")
        folder.mkdir()
        cache.mkdir()
        for name, code in CODE.items():
            (folder / name).write_text(code)
        with serving.running(folder, cache, REGISTRY, workers=1, access_log="false") as gateway:
            process = psutil.Process(gateway.workers()[0])
            time.sleep(2)
            head = f"{'kind':16} {'connections':>11} {'probes':>7} {'failed':>7}"
            print(head, f"{'median turn':>12} {'p99.9':>9} {'longest':>9} {'RSS':>8}")
            for kind in ["nobody", *(kind for kind in KINDS if part in kind)]:
                _one(gateway, kind, seconds, connections, process)


def _one(gateway: serving.Gateway, kind: str, seconds: float, connections: int, process: psutil.Process) -> None:
    _turn(gateway, 0)
    ends = time.monotonic() + seconds
    pusher = None
    if kind != "nobody":
        connect = partial(socket.create_connection, ("127.0.0.1", gateway.port), timeout=5)
        pusher = Pusher(connect, kind, connections)
        pushing = threading.Thread(target=pusher.push, args=(lambda: time.monotonic() < ends,))
        pushing.start()
    asked = failed = memory = 0
    while time.monotonic() < ends:
        asked += 1
        try:
            failed += gateway.get("/probe", which=0.5).status != 200
        except OSError:
            failed += 1
        memory = max(memory, process.memory_info().rss)
        time.sleep(0.05)
    if pusher is not None:
        pushing.join()
    median, high, longest = (_turn(gateway, which) for which in (0.5, 0.999, 1))
    opened = pusher.opened if pusher else 0
    told = f"{kind:16} {opened:11} {asked:7} {failed:7} {median:9.3f} ms"
    print(told, f"{high:6.1f} ms {longest:6.1f} ms {memory >> 20:5} MB", flush=True)


def _turn(gateway: serving.Gateway, which: float) -> float:
    for _ in range(20):
        with contextlib.suppress(OSError):
            answer = gateway.get("/probe", which=which)
            if answer.status == 200:
                return float(answer.json["prediction"])
        time.sleep(0.2)
    return float("nan")


if __name__ == "__main__":
    arguments = [*sys.argv[1:], *("6", "", "40")[len(sys.argv) - 1 :]]
    main(float(arguments[0]), arguments[1], int(arguments[2]))
