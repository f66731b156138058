"""
Send each codec, dialect and endpoint its heaviest bodies and print what that costs everybody else.

PYTHONPATH=scripts:tests python -m bench.longest_stop [MiB of a body, 30 when not said] [part of a name]

The longest stop is that of the event loop, seen by a native thread that asks it to run something every millisecond.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil

import serving
from heaviest import CODE, REGISTRY, heaviest


def main(size: int, part: str) -> None:
    """Print one line for each request."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache = Path(scratch, "gateway"), Path(scratch, "cache")
        folder.mkdir()
        cache.mkdir()
        for name, code in CODE.items():
            (folder / name).write_text(code)
        with serving.running(folder, cache, REGISTRY, workers=1) as gateway:
            (worker,) = gateway.workers()
            process = psutil.Process(worker)
            print(f"{'request':34} {'bytes':>11} {'answer':>7} {'took':>8} {'longest stop':>13} {'memory':>8}  told")
            for heavy in heaviest(size):
                if part not in heavy.name:
                    continue
                gateway.post("/probe", {"x": 1})
                before = process.memory_info().rss
                began = time.perf_counter()
                headers = heavy.headers | ({"Content-Type": heavy.kind} if heavy.kind else {})
                answer = gateway.request(heavy.method, heavy.path, heavy.body, headers)
                took = time.perf_counter() - began
                memory = process.memory_info().rss - before
                stop = gateway.post("/probe", {"x": 1}).json["prediction"]
                told = "" if answer.status < 400 else answer.body[:2000].decode(errors="replace")
                told = told[told.find('"detail"') + 10 :][:70] if '"detail"' in told else told[:70]
                sent = len(heavy.body or b"")
                took_of = f"{answer.status:7} {took:7.2f}s {stop:10.1f} ms {memory / 2**20:5.0f} MB"
                print(f"{heavy.name:34} {sent:11,} {took_of}  {told}", flush=True)
            print("same worker:", gateway.workers() == [worker])


if __name__ == "__main__":
    main(int(float(sys.argv[1] if len(sys.argv) > 1 else 30) * 2**20), sys.argv[2] if len(sys.argv) > 2 else "")
