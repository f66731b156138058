"""Every codec, dialect and endpoint at its heaviest: told what limit was met, and nobody else notices."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import serving
from heaviest import CODE, PARQUET, REGISTRY, XLSX, Heavy, heaviest
from odd_tables import parquet_file, workbook_file
from serving import Gateway, until

pytestmark = pytest.mark.slow
SIZE = 3 * 2**19
#: Made small here, where only their names are asked for: every process of a run collects every test.
NAMES = [heavy.name for heavy in heaviest(2**10)]
MADE = {"parquet": (PARQUET, parquet_file), "xlsx": (XLSX, workbook_file)}
#: Longest answer: a hundred faults with what was expected.
MAX_ANSWER = 512 * 1024


@pytest.fixture(scope="module")
def requests() -> dict[str, Heavy]:
    """Return the requests by name."""
    return {heavy.name: heavy for heavy in heaviest(SIZE)}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve routes of one text, one number and one level by one worker."""
    folder = tmp_path_factory.mktemp("heaviest")
    for name, code in CODE.items():
        (folder / name).write_text(code)
    with serving.running(folder, cache, REGISTRY, workers=1) as server:
        yield server


@pytest.mark.parametrize("name", NAMES)
def test_is_answered_by_the_same_worker(gateway: Gateway, requests: dict[str, Heavy], name: str) -> None:
    """A heavy request has one of the expected answers, a short one, and the worker goes on."""
    heavy = requests[name]
    workers = gateway.workers()
    answer = send(gateway, heavy)
    assert answer.status in heavy.statuses, answer.body[:500]
    if answer.status >= 400:
        assert len(answer.body) < MAX_ANSWER
        assert answer.json.get("detail") or answer.json.get("error") or answer.json.get("message")
    assert gateway.workers() == workers


@pytest.mark.parametrize("kind", MADE)
def test_odd_files_are_told(gateway: Gateway, kind: str) -> None:
    """A file that lies, crashes its reader or explodes is read or refused by name, and the worker goes on."""
    assert sum(odd_files(gateway, kind, 8).values()) == 8


@pytest.mark.slow
@pytest.mark.parametrize("kind", MADE)
def test_many_odd_files_are_told(gateway: Gateway, kind: str, figures: Callable[[str], None]) -> None:
    """The same with 2,000 files of each format."""
    told = odd_files(gateway, kind, 2_000)
    figures(f"{kind}: {dict(told.most_common())}")
    assert told["200"] > 20, "a run that sees nothing but refusals proves little"


def odd_files(gateway: Gateway, kind: str, count: int) -> Counter[str]:
    """Send files of the seeds below `count`; return how often each status and code answered."""
    workers, told = gateway.workers(), Counter[str]()
    media, make = MADE[kind]
    for seed in range(count):
        answer = gateway.request("POST", "/text", make(random.Random(seed)), {"Content-Type": media})
        assert answer.status in (200, 400, 413), (seed, answer.body[:500])
        if answer.status != 200:
            assert answer.json["detail"]
        told[str(answer.status) if answer.status == 200 else answer.json["type"]] += 1
    assert gateway.workers() == workers
    return told


def test_others_are_answered_meanwhile(gateway: Gateway, requests: dict[str, Heavy]) -> None:
    """While the heavy ones are read in native threads, each request of a probe is answered and none fails."""
    chosen = [
        requests[name] for name in ("JSON: unknown names", "CSV: line ends", "XLSX: a shared text", "V2: numbers")
    ]
    senders = [threading.Thread(target=send, args=(gateway, heavy)) for heavy in chosen]
    for sender in senders:
        sender.start()
    answers = [gateway.post("/number", {"a": 1.5})]
    while any(sender.is_alive() for sender in senders):
        answers.append(gateway.post("/number", {"a": 1.5}))
    assert {(answer.status, answer.body) for answer in answers} == {(200, b'{"prediction":1.5}')}


def test_memory_comes_back(gateway: Gateway) -> None:
    """After all of them, the worker is of the size of a worker, and no reader of a table is left."""
    (worker,) = gateway.workers()
    assert psutil.Process(worker).memory_info().rss < 700 * 2**20
    # The one that forks readers, and one that waits for the next file.
    until(lambda: len(gateway.processes_named("child_reader_process")) <= 2, what="the end of all readers")


def send(gateway: Gateway, heavy: Heavy) -> serving.Answer:
    """Send a heavy request."""
    headers = heavy.headers | ({"Content-Type": heavy.kind} if heavy.kind else {})
    return gateway.request(heavy.method, heavy.path, heavy.body, headers)
