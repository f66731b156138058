"""
No body and no edit takes a worker or the running generation away: what is too large, deep or slow is refused by name.

OWASP: API4, ML01, ML02
"""

import contextlib
import gzip
import io
import json
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

import serving
from heaviest import PARQUET
from serving import Gateway

from . import hostile_archives, hostile_pickles, hostile_tables

HUNGRY = "def predict(n: float) -> float:\n    return float(len(bytearray(int(n))))\n"
ROUTES = "  /m: m.stub\n  /hungry: {artifact: hungry.py, trial: 'off'}\n"
HEAD = "version: 1\nserver: {artifact_roots: [.], egress_allow: [127.0.0.1]}\nroutes:\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve a plain route and one that takes as much memory as it is told."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "m.stub").write_text('{"inputs": ["a"], "answer": 1.5}')
    (folder / "hungry.py").write_text(HUNGRY)
    with serving.running(folder, cache, HEAD + ROUTES, workers=2, stall_timeout_s=1, body_timeout_s=2) as running:
        yield running


@pytest.fixture(autouse=True)
def undisturbed(server: Gateway) -> Iterator[None]:
    """Demand the same workers and the same generation afterwards, and an answer."""
    workers, generation = sorted(server.workers()), server.health()["generation"]
    yield
    assert sorted(server.workers()) == workers
    assert server.health()["generation"] == generation
    assert server.post("/m", {"a": 1}).status == 200


def _workbook(unpacked: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", b"<workbook/>")
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(unpacked // 2**20):
                sheet.write(b" " * 2**20)
    return stream.getvalue()


def _names_outside() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as book:
        book.writestr("xl/workbook.xml", b"<workbook/>")
        book.writestr("../../mark", b"mark")
    return stream.getvalue()


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Name -> body, headers, statuses.
BODIES: dict[str, tuple[Callable[[], bytes], dict[str, str], set[int]]] = {
    "a bomb in gzip": (lambda: gzip.compress(bytes(40 * 2**20), 1), {"Content-Encoding": "gzip"}, {413}),
    "bombs in gzip, one behind the other": (
        lambda: gzip.compress(b" " * 2**22, 1) * 12,
        {"Content-Encoding": "gzip"},
        {413},
    ),
    "a bomb as a workbook": (lambda: _workbook(16 * 2**20), {"Content-Type": XLSX}, {400, 413}),
    "a workbook that leads out": (_names_outside, {"Content-Type": XLSX}, {400}),
    "a million rows of CSV": (lambda: b"a\n" + b"1\n" * 1_000_000, {"Content-Type": "text/csv"}, {400, 413}),
    "a million rows of JSON": (lambda: b'{"instances":[' + b'{"a":1},' * 1_000_000 + b'{"a":1}]}', {}, {400, 413}),
    "a million rows of NDJSON": (
        lambda: b'{"a":1}\n' * 1_000_000,
        {"Content-Type": "application/x-ndjson"},
        {400, 413},
    ),
    "JSON ten thousand deep": (lambda: b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}, {400}),
    "lists ten thousand deep": (lambda: b"[" * 10_000 + b"]" * 10_000, {}, {400}),
    "a number of a million digits": (lambda: b'{"a":' + b"9" * 1_000_000 + b"}", {}, {400}),
    "CSV in gzip": (
        lambda: gzip.compress(b"a\n" + b"1\n" * 30_000_000, 1),
        {"Content-Type": "text/csv", "Content-Encoding": "gzip"},
        {413},
    ),
    **{name: (make, {"Content-Type": PARQUET}, {400, 413}) for name, make in hostile_tables.PARQUET.items()},
    "a million names": (lambda: b"{" + b",".join(b'"a%d":1' % n for n in range(1_000_000)) + b"}", {}, {400, 413}),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_too_much_are_refused(server: Gateway, name: str) -> None:
    """Bombs, a million rows, ten thousand levels: an error by name, and the next request is answered."""
    make, headers, statuses = BODIES[name]
    answer = server.request("POST", "/m", make(), {"Content-Type": "application/json", **headers})
    assert answer.status in statuses
    assert answer.json["type"].startswith("urn:gateway:error:")


@pytest.mark.parametrize("wanted", [2**62, 10**300, -1])
def test_a_model_that_wants_all_memory_costs_its_own_answer(server: Gateway, wanted: float) -> None:
    """What a model raises is the answer to the one who asked."""
    assert server.post("/hungry", {"n": wanted}).status in {400, 500, 503}
    assert server.post("/hungry", {"n": 10}).json == {"prediction": 10.0}


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_senders_that_trickle_are_let_go(server: Gateway, count: int) -> None:
    """A byte now and then for as long as the gateway lets them; everybody else is answered meanwhile."""
    head = b"POST /m HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    stop = threading.Event()

    def trickle() -> None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(head)
            while not stop.wait(0.5):
                client.sendall(b" ")

    senders = [threading.Thread(target=trickle, daemon=True) for _ in range(count)]
    for sender in senders:
        sender.start()
    answered = 0
    while any(sender.is_alive() for sender in senders):
        assert server.post("/m", {"a": 1}).status == 200
        answered += 1
    stop.set()
    assert answered > 0


def _hostile_artifact(folder: Path) -> str:
    path = folder / "evil.pkl"
    path.write_bytes(hostile_pickles.calling("runpy._run_code"))
    return f"  /evil: {{artifact: evil.pkl, allow_pickle: true, sha256: {sha256(path.read_bytes()).hexdigest()}}}\n"


def _hostile_archive(folder: Path) -> str:
    (folder / "evil.skops").write_bytes(hostile_archives.SKOPS["a name that leads out"]())
    return "  /evil: evil.skops\n"


def _way_out(folder: Path) -> str:
    link = folder / "out.stub"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/hostname")
    return "  /evil: {artifact: out.stub, loader: stub}\n"


#: Name -> what is added to the routes.
EDITS: dict[str, Callable[[Path], str]] = {
    "a metadata service": lambda folder: "  /evil: {executor: {kind: upstream, url: 'http://169.254.169.254'}}\n",
    "a server outside of the list": lambda folder: "  /evil: {executor: {kind: upstream, url: 'http://192.0.2.1'}}\n",
    "a link out of the roots": _way_out,
    "a hostile pickle": _hostile_artifact,
    "a hostile archive": _hostile_archive,
    "aliases that multiply": lambda folder: "".join(
        f"  /a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(9)
    ),
    "ten thousand levels": lambda folder: f"  /evil: {'[' * 10_000}{']' * 10_000}\n",
    "a tag that makes an object": lambda folder: "  /evil: !!python/object/apply:os.system ['touch mark']\n",
}
QUICK = {"a hostile pickle"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in EDITS]
)
def test_no_hostile_edit_disturbs_what_runs(server: Gateway, name: str) -> None:
    """A reload is refused whole, with the reason; the generation before goes on."""
    folder = server.registry.parent
    honest = server.registry.read_text()
    try:
        server.registry.write_text(HEAD + ROUTES + EDITS[name](folder))
        done = server.command("reload", timeout_s=120)
        assert done.returncode != 0
        assert "evil" in done.stderr or "fault" in done.stderr
    finally:
        server.registry.write_text(honest)
    assert not list(folder.rglob("mark"))
    assert json.loads(server.get("/health").body)["same_generation"]
