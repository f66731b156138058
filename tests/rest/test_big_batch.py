"""100,000 rows through one worker: in order, equal to single calls, with bounded memory, beside other requests."""

import csv
import json
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import serving
from serving import Gateway

pytestmark = pytest.mark.quiet

ROWS = 100_000
#: Growth of the worker's resident memory that one batch may cause. Measured: 43 MB the first time (a body of 5.4 MB,
#: of which one chunk of 10,000 rows is in memory at a time, and Java's own growth), 9 MB the second.
MAX_GROWTH_MB = 100
SAMPLE = serving.ROOT / "models" / "insurance" / "sample.csv"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve the route and its neighbour in one worker, whose memory is then the gateway's."""
    folder = tmp_path_factory.mktemp("big")
    registry = yaml.safe_load((serving.ROOT / "registry.yaml").read_text())
    registry["routes"] = {path: registry["routes"][path] for path in ("/insurance", "/sentiment")}
    text = serving.absolute(yaml.safe_dump(registry, sort_keys=False, allow_unicode=True))
    with serving.running(folder, cache, text, workers=1) as found:
        yield found


def holders(seed: int) -> list[dict[str, str]]:
    """Return insurance holders that mix the values of the sample, with ids that say their place."""
    probability = random.Random(seed)
    known = list(csv.DictReader(SAMPLE.open()))
    columns = {name: [row[name] for row in known] for name in known[0]}
    return [
        {"id": str(10_000_000 + at)} | {name: probability.choice(columns[name]) for name in columns if name != "id"}
        for at in range(ROWS)
    ]


def memory_mb(pid: int, line: str) -> float:
    """Return a line of /proc/PID/status in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(one.split()[1]) / 1024 for one in status.splitlines() if one.startswith(line))


class Neighbour(threading.Thread):
    """Call another route again and again, and keep the longest wait."""

    def __init__(self, server: Gateway) -> None:
        super().__init__(daemon=True)
        self._connection = server.connect()
        self.answers = 0
        self.longest_s = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        """Call until told to stop."""
        while not self.done.is_set():
            started = time.monotonic()
            assert self._connection.request("GET", "/sentiment?query=that+movie+was+boring").status == 200
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            self.answers += 1
            time.sleep(0.002)


def test_a_hundred_thousand_rows(server: Gateway, tmp_path: Path) -> None:
    """`curl -F file=@…` of 100,000 rows: order, equality with single calls, bounded memory, and others still served."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    rows = holders(seed=1)
    with (tmp_path / "big.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    url = f"http://127.0.0.1:{server.port}/insurance"
    command = ["curl", "-sS", "--fail-with-body", "-o", str(tmp_path / "answer.json"), url]
    subprocess.run([*command, "-F", f"file=@{SAMPLE}"], check=True, timeout=60)

    (pid,) = server.workers()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the high-water mark starts anew
    before = memory_mb(pid, "VmRSS")
    neighbour = Neighbour(server)
    neighbour.start()
    started = time.monotonic()
    subprocess.run([*command, "-F", f"file=@{tmp_path}/big.csv"], check=True, timeout=300)
    took_s = time.monotonic() - started
    neighbour.done.set()
    neighbour.join(timeout=30)
    peak = memory_mb(pid, "VmHWM")
    print(
        f"{ROWS / took_s:,.0f} rows/s; {before:.0f} MB before, peak {peak:.0f} MB; the neighbour had "
        f"{neighbour.answers} answers, the slowest in {neighbour.longest_s * 1e3:.0f} ms"
    )

    answer = json.loads((tmp_path / "answer.json").read_bytes())
    assert list(answer) == [row["id"] for row in rows]
    connection = server.connect()
    for row in random.Random(2).sample(rows, 50):
        typed = {name: float(value) if value.replace(".", "").isdigit() else value for name, value in row.items()}
        typed["id"] = row["id"]
        single = connection.request(
            "POST", "/insurance", json.dumps(typed).encode(), {"Content-Type": "application/json"}
        )
        assert single.json == answer[row["id"]]
    assert set(answer.values()) == {0, 1}
    assert peak - before < MAX_GROWTH_MB
    assert neighbour.answers >= 20
    assert neighbour.longest_s < max(1.0, took_s / 4)
