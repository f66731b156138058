"""Metrics: exact over any kill, equal to prometheus_client's text, silent about removed routes."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from gateway.metrics import (
    MAX_LABELS,
    OTHER,
    CurrentState,
    KeySetRow,
    ModelRow,
    RouteMetrics,
    ServerRow,
    configure,
    fold_dead,
    render,
)
from gateway.metrics.counter_file import CounterFile, read_values
from gateway.metrics.instruments import INSTRUMENTS, Instrument

# A process that counts must not inherit instruments which other tests have used.
_SPAWN = multiprocessing.get_context("spawn")
_NO_PID = 5_000_000  # above every pid that Linux gives (2^22)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _samples(page: bytes) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(page.decode())
        for sample in family.samples
    }


def _requests(directory: Path) -> float:
    samples = _samples(render(directory, CurrentState(routes=("loan", "churn"))))
    return sum(value for (name, _), value in samples.items() if name == "gateway_requests_total")


def _count(pipe: Connection, directory: Path, times: int) -> None:
    configure(directory)
    routes = [RouteMetrics(route, labels=("yes", "no"), fields=("age",), is_remote=True) for route in ("loan", "churn")]
    for i in range(times):
        for metrics in routes:
            metrics.request("POST", 200 if i % 3 else 400, i / 1024)  # exact in binary: sums in any order are equal
            metrics.predict(i / 2048, 3)
            metrics.label("yes")
            metrics.fault("age")
            metrics.fault("invented by a client")
            metrics.shed("queue-full")
    pipe.send(os.getpid())
    time.sleep(60)


def _killed_worker(directory: Path, times: int) -> int:
    """Let a real process count, and kill it; return its pid."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_count, args=(there, directory, times), daemon=True)
    process.start()
    there.close()  # a process that dies at its start is an EOFError here, and not a wait without end
    pid = int(here.recv())
    os.kill(pid, signal.SIGKILL)
    process.join()
    return pid


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the files of three killed workers: 2 x (10 + 20 + 30) requests."""
    directory = tmp_path_factory.mktemp("metrics")
    for i, times in enumerate((10, 20, 30)):
        pid = _killed_worker(directory, times)
        (directory / f"values_{pid}.db").rename(directory / f"values_{_NO_PID + i}.db")
    return directory


@pytest.fixture
def directory(dead: Path, tmp_path: Path) -> Path:
    """Return a copy of them that a test may fold."""
    return Path(shutil.copytree(dead, tmp_path / "metrics"))


class Counted(Collector):
    """Hand the numbers of counter files to the library, through its public classes only."""

    def __init__(self, directory: Path) -> None:
        self._totals: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}
        for path in directory.glob("values_*"):
            for key, value in read_values(path).items():
                family, sample, labels = json.loads(key)
                series = (family, sample, tuple((name, text) for name, text in labels))
                self._totals[series] = self._totals.get(series, 0.0) + value

    def collect(self) -> Iterator[Metric]:
        """Yield every family, in the order of the page."""
        for instrument in INSTRUMENTS:
            yield self._histogram(instrument) if instrument.buckets else self._counter(instrument)

    def _counter(self, instrument: Instrument) -> Metric:
        names = sorted(instrument.labels)
        metric = CounterMetricFamily(instrument.name, instrument.documentation, labels=names)
        for (family, _, labels), value in self._totals.items():
            if family == instrument.name:
                metric.add_metric([dict(labels)[name] for name in names], value)
        return metric

    def _histogram(self, instrument: Instrument) -> Metric:
        names = sorted(instrument.labels)
        metric = HistogramMetricFamily(instrument.name, instrument.documentation, labels=names)
        children: dict[tuple[str, ...], dict[str, float]] = {}
        for (family, sample, labels), value in self._totals.items():
            if family == instrument.name:
                text = dict(labels)
                child = children.setdefault(tuple(text[name] for name in names), {})
                child[text.get("le", "sum") if sample.endswith("_bucket") else "sum"] = value
        for values, numbers in children.items():
            bounds = sorted((bound for bound in numbers if bound != "sum"), key=float)
            sums = list(accumulate(numbers[bound] for bound in bounds))
            metric.add_metric(values, buckets=list(zip(bounds, sums, strict=True)), sum_value=numbers["sum"])
        return metric


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_page_equals_the_library(directory: Path, openmetrics: bool) -> None:
    """The lines are those that prometheus_client writes of the same numbers, before and after a fold."""
    registry = CollectorRegistry()
    registry.register(Counted(directory))
    write = generate_openmetrics if openmetrics else generate_latest
    expected = [line for line in write(registry).decode().splitlines() if not line.startswith("# EOF")]
    assert len(expected) > 80
    for _ in range(3):
        page = render(directory, CurrentState(routes=("loan", "churn")), openmetrics=openmetrics).decode().splitlines()
        ours = [line for line in page if not re.search("generation_info|generation |worker_restarts|# EOF", line)]
        assert sorted(ours) == sorted(expected)
        fold_dead(directory)


def test_a_kill_loses_no_count_and_doubles_none(directory: Path) -> None:
    """Folding keeps the totals exact, however often it runs, and leaves one file."""
    assert _requests(directory) == 120
    assert fold_dead(directory) == 3
    assert fold_dead(directory) == 0
    assert _requests(directory) == 120
    assert len(list(directory.glob("*.db"))) == 1


def test_a_killed_worker_and_its_successor_add_up(tmp_path: Path) -> None:
    """A worker killed by the kernel is folded at once, and one that comes later goes on top."""
    pid = _killed_worker(tmp_path, 7)
    assert fold_dead(tmp_path, {pid}) == 0
    assert fold_dead(tmp_path) == 1
    _killed_worker(tmp_path, 4)
    assert _requests(tmp_path) == 22


def _fold_until(directory: Path, step: int) -> bool:
    """Fold in a child that kills itself before its n-th change of a file; return whether it came to the end."""
    pid = os.fork()
    if pid == 0:
        left = step

        def hook(event: str, _: Any) -> None:
            nonlocal left
            if event in ("os.rename", "os.remove", "os.truncate", "mmap.__new__"):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        fold_dead(directory)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _finish(directory: Path, expected: float) -> None:
    """Fold what a killed fold left, and see that nothing is lost or lies about."""
    fold_dead(directory)
    assert _requests(directory) == expected
    assert len(list(directory.glob("values_*"))) == 1


def test_a_crash_anywhere_in_a_fold_is_harmless(dead: Path, tmp_path: Path) -> None:
    """Killed before any of its steps, a fold leaves exact totals, and the next one finishes the work."""
    step, done = 0, False
    while not done:
        directory = Path(shutil.copytree(dead, tmp_path / str(step)))
        done = _fold_until(directory, step)
        assert _requests(directory) == 120, f"after a kill before step {step}"
        _finish(Path(shutil.copytree(directory, tmp_path / f"{step}-again")), 120)
        # A worker that got the same pid, and died too.
        free = [pid for pid in (_NO_PID, _NO_PID + 7) if not (directory / f"values_{pid}.db").exists()]
        shutil.copy(dead / f"values_{_NO_PID}.db", directory / f"values_{free[0]}.db")
        assert _requests(directory) == 140
        _fold_until(directory, step)
        _finish(directory, 140)
        step += 1
    assert step > 6  # 3 renames, an archive, a commit, 3 removals


def test_a_scrape_during_folds_sees_exact_totals(directory: Path) -> None:
    """A reader beside a folding process never misses a file nor counts one twice."""
    for i in range(40):
        shutil.copy(directory / f"values_{_NO_PID}.db", directory / f"values_{_NO_PID + 10 + i}.db")
    pid = os.fork()
    if pid == 0:
        for i in range(49, -1, -1):
            fold_dead(directory, range(_NO_PID, _NO_PID + i))
        os._exit(0)
    readings = []
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        readings.append(_requests(directory))
    assert set(readings) == {120.0 + 40 * 20}
    assert len(readings) > 10
    assert fold_dead(directory) == 0


def test_a_living_process_is_never_folded(directory: Path) -> None:
    """Even if the caller forgets a pid, the file of an existing process stays."""
    (directory / f"values_{_NO_PID}.db").rename(directory / f"values_{os.getpid()}.db")
    assert fold_dead(directory, ()) == 2
    assert (directory / f"values_{os.getpid()}.db").exists()
    assert _requests(directory) == 120


def test_removed_routes_leave_the_page_and_come_back(directory: Path) -> None:
    """Only active routes are shown; a route that returns goes on counting."""
    page = render(directory, CurrentState(routes=("loan",)))
    assert b"churn" not in page
    assert b'gateway_requests_total{code="200"' in page
    assert b"churn" in render(directory, CurrentState(routes=("loan", "churn")))


FULL = CurrentState(
    routes=("loan", "churn"),
    generation="3f2a",
    models=(
        ModelRow(
            route="loan", loader="h2o_mojo", version='1"\n\\', states={"ready": 2}, load_seconds=0.5, size_bytes=9
        ),
        ModelRow(route="loan", variant="candidate", loader="onnx", states={"failed": 1, "ready": 1}),
    ),
    in_flight={"loan": 3},
    queue_depth={"loan": 1},
    reloads={"success": 2, "refused": 1},
    last_reload_success_at=1.7e9,
    worker_pss_bytes=123_456_789,
    worker_restarts=4,
    model_servers={"loan": ServerRow(ready=1, restarts=2, memory_bytes=3, breakers={"open": 1}, away=1)},
    key_set=KeySetRow(is_up=False, age_s=12.5),
)
CONTRACT = {
    "gateway_requests_total": {"route", "method", "code"},
    "gateway_request_seconds_bucket": {"route", "le"},
    "gateway_predict_seconds_bucket": {"route", "variant", "le"},
    "gateway_instances_total": {"route"},
    "gateway_predictions_total": {"route", "label"},
    "gateway_validation_errors_total": {"route", "field"},
    "gateway_in_flight": {"route"},
    "gateway_queue_depth": {"route"},
    "gateway_shed_total": {"route", "reason"},
    "gateway_model_state": {"route", "variant", "state"},
    "gateway_model_info": {"route", "variant", "loader", "version", "compiled"},
    "gateway_model_load_seconds": {"route"},
    "gateway_model_size_bytes": {"route"},
    "gateway_model_warnings": {"route"},
    "gateway_reloads_total": {"result"},
    "gateway_generation_info": {"generation"},
    "gateway_last_reload_success_timestamp_seconds": set(),
    "gateway_worker_memory_bytes": {"kind"},
    "gateway_worker_restarts_total": set(),
    "gateway_executor_processes": {"route"},
    "gateway_executor_restarts_total": {"route"},
    "gateway_executor_memory_bytes": {"route"},
    "gateway_executor_breaker": {"route", "state"},
    "gateway_executor_servers_away": {"route"},
    "gateway_executor_seconds_bucket": {"route", "le"},
    "gateway_key_set_up": set(),
    "gateway_key_set_age_seconds": set(),
}


@pytest.mark.parametrize("openmetrics", [False, True])
def test_every_metric_of_the_contract_is_on_the_page(directory: Path, openmetrics: bool) -> None:
    """Both formats parse, and each metric has exactly the promised labels."""
    text = render(directory, FULL, openmetrics=openmetrics).decode()
    families = (parse_openmetrics if openmetrics else parse_text)(text)
    found = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    assert {name: found.get(name) for name in CONTRACT} == CONTRACT
    rest = found.keys() - CONTRACT.keys()
    assert rest == {
        f"gateway_{kind}_seconds_{part}" for kind in ("request", "predict", "executor") for part in ("sum", "count")
    }


def test_gauges_say_what_the_caller_said(directory: Path) -> None:
    """Numbers and odd label values survive the text."""
    samples = _samples(render(directory, FULL))
    assert samples["gateway_in_flight", (("route", "loan"),)] == 3
    assert samples["gateway_worker_memory_bytes", (("kind", "pss"),)] == 123_456_789
    state = {"route": "loan", "state": "failed", "variant": "candidate"}
    assert samples["gateway_model_state", tuple(state.items())] == 1
    assert any(dict(labels).get("version") == '1"\n\\' for _, labels in samples)


def _declare_many(pipe: Connection, directory: Path) -> None:
    # The library was imported first, without its variable: configure has to make up for it.
    configure(directory)
    metrics = RouteMetrics("loan", labels=range(MAX_LABELS + 50))
    metrics.label("7")
    metrics.label(str(MAX_LABELS + 1))
    metrics.label("never declared")
    metrics.request("BREW", 200, 0.1)
    pipe.send(None)


def test_series_exist_from_load_on_and_are_bounded(tmp_path: Path) -> None:
    """Declared labels start at zero, at most 100 of them; what is not declared shares one series."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_declare_many, args=(there, tmp_path))
    process.start()
    there.close()
    here.recv()
    process.join()
    samples = _samples(render(tmp_path, CurrentState(routes=("loan",))))
    labels = {dict(key[1])["label"]: value for key, value in samples.items() if key[0] == "gateway_predictions_total"}
    assert len(labels) == MAX_LABELS + 1
    assert (labels["7"], labels["8"], labels[OTHER]) == (1, 0, 2)
    requests = {key[1]: value for key, value in samples.items() if key[0] == "gateway_requests_total"}
    assert requests[("code", "200"), ("method", "POST"), ("route", "loan")] == 0
    assert requests[("code", "200"), ("method", OTHER), ("route", "loan")] == 1
    assert samples["gateway_request_seconds_count", (("route", "loan"),)] == 1


def test_a_process_without_value_files_counts_in_memory() -> None:
    """Tools that build routes without serving them have no files to count in."""
    code = (
        "from gateway.metrics import RouteMetrics\n"
        "for _ in range(2): RouteMetrics('r').request('GET', 200, 0.1)\n"
        "from gateway.metrics.instruments import REQUESTS\n"
        "print(REQUESTS.cell('r', 'GET', '200').number)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.0"]


def test_a_forked_process_counts_from_zero_in_a_file_of_its_own(tmp_path: Path) -> None:
    """The child adds nothing of what its parent counted, and the parent goes on where it was."""
    code = (
        "import os, sys; from pathlib import Path; from gateway.metrics import RouteMetrics, configure\n"
        "configure(Path(sys.argv[1])); metrics = RouteMetrics('loan'); metrics.request('POST', 200, 0.1)\n"
        "child = os.fork()\n"
        "for _ in range(5 if child else 3): metrics.request('POST', 200, 0.1)\n"
        "if child: os.waitpid(child, 0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert _requests(tmp_path) == 1 + 5 + 3
    assert len(list(tmp_path.glob("values_*.db"))) == 2


def test_a_full_disk_fails_no_request(tmp_path: Path) -> None:
    """Where a file cannot grow, counting goes on in memory, and what was in the file stays right."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from gateway.metrics import RouteMetrics, configure\n"
        "configure(Path(sys.argv[1])); loan = RouteMetrics('loan'); loan.request('POST', 200, 0.1)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "many = [RouteMetrics(f'r{number}') for number in range(100)]\n"
        "for metrics in (loan, *many): metrics.request('POST', 200, 0.1); metrics.request('GET', 404, 0.1)\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"
    assert "a counter has no file" in done.stderr
    assert next(tmp_path.glob("values_*.db")).stat().st_size == 65536
    samples = _samples(render(tmp_path, CurrentState(routes=("loan",))))
    assert samples["gateway_requests_total", (("code", "200"), ("method", "POST"), ("route", "loan"))] == 2


def test_a_file_grows_and_goes_on(tmp_path: Path) -> None:
    """More series than a fresh file has room for: all are there, with the numbers that they had."""
    path = tmp_path / "values_1.db"
    first = CounterFile(path)
    for number in range(3_000):
        first.write(first.place(f"key of some length {number} \u00fc"), number)
    first.close()
    again = CounterFile(path)
    assert again.read(again.place("key of some length 2999 \u00fc")) == 2_999
    again.close()
    assert read_values(path) == {f"key of some length {number} \u00fc": float(number) for number in range(3_000)}


def test_a_reader_closes_what_it_opened(directory: Path) -> None:
    """Neither the next directory nor the end of the process leaves a file to the garbage collector."""
    code = (
        "import sys; from pathlib import Path; from gateway.metrics import CurrentState, render\n"
        "for path in sys.argv[1:]: render(Path(path), CurrentState(routes=('loan',)))"
    )
    other = directory.parent / "other"
    shutil.copytree(directory, other)
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, str(directory), str(other)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
