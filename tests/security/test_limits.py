"""
Each caller has limits of requests and rows at each route: refused beyond them by name, and told what is left.

OWASP: API4
"""

import itertools
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.registry.limit_keys import LimitKeys
from gateway.security import key_changes
from gateway.security.client_address import caller_at
from gateway.security.gcra import Gcra
from gateway.security.key_changes import Issued
from gateway.security.keyring import Keyring
from gateway.security.limits import DAY_S, CallerLimits, Rate
from gateway.security.meter import Caller, Meter, Usage
from gateway.security.quota import Quotas
from gateway.security.shared_table import SharedTable
from rest.one_worker import REGISTRY, Answer, Worker, environ_of
from serving import until

MS = 10**6
JSON = {"Content-Type": "application/json"}
LIMITS = "{requests: 2/h, rows: 40/h, daily: 50}"
#: Every way to predict one row, and a batch of three.
ONE = {
    "native": ("/sum", b'{"a": 1, "b": 2}'),
    "alias": ("/total", b'{"a": 1, "b": 2}'),
    "V2": (
        "/v2/models/sum/infer",
        b'{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]},'
        b' {"name": "b", "shape": [1], "datatype": "FP64", "data": [2]}]}',
    ),
    "MLflow": ("/sum/invocations", b'{"instances": [{"a": 1, "b": 2}]}'),
}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Serve two routes with limits and one without."""
    folder = tmp_path_factory.mktemp("limits")
    limited = REGISTRY.replace("golden: rows.json}", f"golden: rows.json, limits: {LIMITS}}}")
    return Worker(folder, limited + "  /free: {artifact: sum.stub.json, golden: rows.json}\n")


class Client:
    """Ask as one caller: the tests share a worker, and each has an address of its own."""

    def __init__(self, worker: Worker, address: str) -> None:
        self._worker, self._address = worker, address

    def ask(
        self,
        path: str = "/sum",
        body: bytes = b'{"a": 1, "b": 2}',
        address: str = "",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        """Send one request."""
        sent = {**JSON, **(headers or {})}
        return self._worker.ask(environ_of(method, path, body, sent, REMOTE_ADDR=address or self._address))


_ADDRESSES = (f"198.51.100.{number}" for number in itertools.count(1))


@pytest.fixture
def client(worker: Worker) -> Client:
    """Return a caller that has used up nothing."""
    return Client(worker, next(_ADDRESSES))


def header(answer: Answer, name: str) -> str | None:
    """Return a header of an answer."""
    return dict(answer.headers).get(name)


@pytest.mark.parametrize("dialect", ONE)
def test_a_request_beyond_the_limit_is_refused_in_every_dialect(client: Client, dialect: str) -> None:
    """The third request of two is a 429 in the form of its protocol, and says when to come back."""
    path, body = ONE[dialect]
    assert [client.ask(path, body).status for _ in range(2)] == [200, 200]
    refused = client.ask(path, body)
    assert refused.status == 429
    assert header(refused, "Retry-After") == "1800"
    assert header(refused, "RateLimit-Policy") == '"requests";q=2;w=3600, "rows";q=40;w=3600, "daily";q=50;w=86400'
    assert header(refused, "RateLimit") == '"requests";r=0;t=3600'
    told = {"V2": "error", "MLflow": "message"}.get(dialect, "detail")
    assert "one caller of /sum has 2 requests an hour, 2 at once" in refused.json[told]
    assert refused.json.get("error_code") == ("REQUEST_LIMIT_EXCEEDED" if dialect == "MLflow" else None)


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("PUT", 405), ("DELETE", 405), ("HEAD", 400)])
@pytest.mark.parametrize("path", ["/sum", "/total", "/sum/schema", "/v2/models/sum", "/console/sum"])
def test_a_request_is_charged_whatever_its_method(client: Client, path: str, method: str, status: int) -> None:
    """Also one that no view answers."""
    status = 200 if method == "HEAD" and path not in ("/sum", "/total") else status
    assert [client.ask(path, b"", method=method).status for _ in range(3)] == [status, status, 429]
    assert client.ask("/free", b"", method="OPTIONS").status == 200


def test_a_body_that_is_refused_unread_is_charged(client: Client) -> None:
    """Its coding is told to callers whose request counts, and to them no more often than an answer."""
    coded = {"Content-Encoding": "br"}
    assert [client.ask("/sum", headers=coded).status for _ in range(3)] == [415, 415, 429]
    assert client.ask("/free", headers=coded).status == 415


def test_all_paths_of_a_route_are_one_limit(client: Client) -> None:
    """
    How often one caller asks a model is bounded over all its paths, aliases and protocols; another route has its own.

    OWASP: API6, ML03, ML04, ML05
    """
    assert [client.ask(path, body).status for path, body in ONE.values()] == [200, 200, 429, 429]
    assert client.ask("/deep/sum").status == 200
    assert [client.ask("/free").status for _ in range(5)] == [200] * 5
    assert header(client.ask("/free"), "RateLimit-Policy") is None


def test_a_greedy_caller_does_not_starve_another(client: Client) -> None:
    """Each address has its own limit; the addresses of one IPv6 network are one caller."""
    assert [client.ask("/sum", address="192.0.2.1").status for _ in range(20)] == [200] * 2 + [429] * 18
    assert client.ask("/sum", address="192.0.2.2").status == 200
    found = [client.ask("/sum", address=f"2001:db8:0:7::{number:x}").status for number in range(4)]
    assert found == [200, 200, 429, 429]
    assert client.ask("/sum", address="2001:db8:0:8::1").status == 200


def test_rows_are_charged_beside_requests(client: Client) -> None:
    """A batch is charged its rows; the answer says what is left of every limit."""
    batch = b'{"instances": [' + b", ".join([b'{"a": 1, "b": 2}'] * 30) + b"]}"
    answer = client.ask("/sum", batch)
    assert answer.status == 200
    left = header(answer, "RateLimit") or ""
    assert left.startswith('"requests";r=1;t=1800, "rows";r=10;t=2700, "daily";r=20;t=')
    refused = client.ask("/sum", batch)
    assert (refused.status, refused.json["type"]) == (429, "urn:gateway:error:rate-limited")
    assert header(refused, "Retry-After") == "1800"  # of 40 an hour, 20 more than there are


def test_a_forged_address_is_no_other_caller(client: Client) -> None:
    """What a client writes about its address counts where a trusted proxy sent it, and nowhere else."""
    found = [client.ask(headers={"X-Forwarded-For": f"192.0.2.{number}"}).status for number in range(4)]
    assert found == [200, 200, 429, 429]


def test_a_file_is_charged_its_rows(client: Client) -> None:
    """An upload that is answered in pieces is charged once, whole, before its first row is predicted."""
    kind = {"Content-Type": "text/csv"}
    answer = client.ask(body=b"a,b\n" + b"1,2\n" * 30, headers=kind)
    assert answer.status == 200
    assert '"rows";r=10;' in (header(answer, "RateLimit") or "")
    assert client.ask(body=b"a,b\n" + b"1,2\n" * 11, headers=kind).status == 429


def test_a_quota_says_what_is_left(client: Client) -> None:
    """A batch that is larger than what is left of the day is refused whole, with a code of its own."""
    batch = b'{"instances": [' + b", ".join([b'{"a": 1, "b": 2}'] * 51) + b"]}"
    refused = client.ask("/sum", batch)
    assert (refused.status, refused.json["type"]) == (429, "urn:gateway:error:quota-used-up")
    assert "50 rows a day, 50 are left today (UTC), and this request has 51" in refused.json["detail"]
    assert 0 < int(header(refused, "Retry-After") or 0) <= DAY_S


def test_faulty_rows_cost_a_request_and_no_rows(client: Client) -> None:
    """What is refused before it is predicted leaves rows and quota alone."""
    assert client.ask("/sum", b'{"a": "x"}').status == 400
    assert '"daily";r=49' in (header(client.ask(), "RateLimit") or "")


def test_rows_that_were_not_answered_are_given_back(
    worker: Worker, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that fails after its rows were charged leaves the quota of the day as it was."""
    route = worker.generation.table.by_name["sum"]
    with monkeypatch.context() as patched:
        patched.setattr(type(route), "predict", _raise)
        assert client.ask().status == 500
    assert '"daily";r=49' in (header(client.ask(), "RateLimit") or "")


def _raise(*_: Any) -> None:
    raise RuntimeError("the model is broken")


def test_the_catalog_names_the_limits(worker: Worker) -> None:
    """Clients can read them before they meet them; a route without has none."""
    routes = worker.ask(environ_of("GET", "/routes")).json["routes"]
    told = {route["name"]: route["limits"] for route in routes}
    assert told["sum"].items() >= {"requests": "2/h", "rows": "40/h", "daily": 50}.items()
    assert not {"requests", "burst", "rows", "daily"} & told["free"].keys()


def _with(key: Issued) -> dict[str, str]:
    return {**JSON, "Authorization": f"Bearer {key.text}"}


def test_each_key_is_a_caller_and_may_have_limits_of_its_own(tmp_path: Path) -> None:
    """A greedy key starves no other; the limits of a key take the place of the route's, and empty ones lift them."""
    path, now = tmp_path / "keys.yaml", datetime.now(UTC)
    greedy, modest, large, free = (
        key_changes.create(path, ["predict:*"], now, limits=limits) for limits in (None, None, {"requests": "5/h"}, {})
    )
    worker = Worker(
        tmp_path, REGISTRY.replace("golden: rows.json}", f"golden: rows.json, limits: {LIMITS}}}"), keys=path
    )

    def answers(key: Issued, count: int) -> list[int]:
        body = b'{"a": 1, "b": 2}'
        return [worker.ask(environ_of("POST", "/sum", body, _with(key))).status for _ in range(count)]

    assert answers(greedy, 20) == [200] * 2 + [429] * 18
    assert answers(modest, 3) == [200, 200, 429]
    assert answers(large, 6) == [200] * 5 + [429]
    assert answers(free, 30) == [200] * 30


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ({"requests": "100"}, "'100' is no rate such as 100/s"),
        ({"request": "100/s"}, "'request' is no limit: expected requests, burst, rows or daily"),
        ({"daily": 0}, "daily: expected a whole number from 1"),
        ({"daily": True}, "daily: expected a whole number from 1"),
        ({"burst": 5}, "burst: it is about requests"),
    ],
)
def test_limits_of_a_key_are_checked_with_the_file(tmp_path: Path, limits: dict[str, Any], fault: str) -> None:
    """A limit that cannot be read makes no key of unlimited use: the file is refused, and the last good one counts."""
    path = tmp_path / "keys.yaml"
    issued = key_changes.create(path, ["*"], datetime.now(UTC))
    keyring = Keyring(path)
    keyring.look()
    path.write_text(path.read_text() + f"    limits: {json.dumps(limits)}\n")
    keyring.look()
    assert keyring.fault is not None
    assert fault in keyring.fault.message
    assert "keys[0] (" in keyring.fault.message
    assert keyring.principal_of(issued.text).limits is None


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unix"),
        ("_hidden", "unix"),
    ],
)
def test_addresses_are_callers(address: str, caller: str) -> None:
    """An IPv6 customer has a network, and a mapped IPv4 address is that address."""
    assert caller_at(address) == caller


@pytest.mark.parametrize("text", ["0/s", "100", "100/d", "-1/s", "1.5/s", "100/s ", "1e3/s", "/s", "1234567890/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate is a whole number, and a second, minute or hour."""
    with pytest.raises(ValueError, match="no rate"):
        Rate.parse(text)


def test_a_burst_comes_at_once_and_then_the_rate(tmp_path: Path) -> None:
    """GCRA with a clock of our own: exactly the burst, then exactly one each interval."""
    gcra, place = _gcra(tmp_path)
    rate = Rate.parse("100/s")
    now = [10**12]

    def accepted(count: int) -> int:
        return sum(gcra.charge(place, rate.ns(1), rate.ns(20), now[0]).wait_ns == 0 for _ in range(count))

    assert accepted(50) == 20
    now[0] += 9 * MS
    assert accepted(5) == 0
    now[0] += 1 * MS
    assert accepted(5) == 1
    now[0] += 50 * MS
    assert accepted(50) == 5
    now[0] += 3600 * 10**9
    assert accepted(50) == 20


def test_the_wait_that_is_told_is_the_wait_that_helps(tmp_path: Path) -> None:
    """A charge that is tried again after its wait is made, and one nanosecond earlier is not."""
    gcra, place = _gcra(tmp_path)
    cost, depth = 7 * MS, 20 * MS
    now = 10**12
    while (charge := gcra.charge(place, cost, depth, now)).wait_ns == 0:
        pass
    assert gcra.charge(place, cost, depth, now + charge.wait_ns - 1).wait_ns == 1
    assert gcra.charge(place, cost, depth, now + charge.wait_ns).wait_ns == 0


def test_a_batch_beyond_the_depth_is_let_in_while_nothing_is_owed(tmp_path: Path) -> None:
    """No batch is refused for ever; what it owes is paid before the next one."""
    gcra, place = _gcra(tmp_path)
    now = 10**12
    assert gcra.charge(place, 500 * MS, 100 * MS, now).wait_ns == 0
    assert gcra.charge(place, 1 * MS, 100 * MS, now).wait_ns == 401 * MS
    assert gcra.charge(place, 500 * MS, 100 * MS, now + 499 * MS).wait_ns == 1 * MS
    assert gcra.charge(place, 500 * MS, 100 * MS, now + 500 * MS).wait_ns == 0


def test_many_addresses_displace_no_identified_caller(tmp_path: Path) -> None:
    """A flood of addresses fills the table of addresses; callers with a name keep what they owe."""
    gcra, place = _gcra(tmp_path)
    now = 10**12
    assert gcra.charge(place, 10**9, 10**9, now).wait_ns == 0
    for number in range(100_000):
        gcra.charge(gcra.place(f"{number}", is_address=True), 10**9, 10**9, now)
    assert gcra.charge(place, 10**9, 10**9, now).wait_ns == 10**9


def test_a_new_rate_begins_anew(tmp_path: Path) -> None:
    """What is owed under one rate does not hold up a caller once the registry names another."""
    meter, caller = Meter(tmp_path / "run", tmp_path / "state"), Caller("key one", False)
    slow, fast = (LimitKeys(requests=text).limits() for text in ("1/h", "2/h"))
    assert slow and fast
    assert Usage(meter, caller, "r", slow).begin() is None
    assert Usage(meter, caller, "r", slow).begin() is not None
    assert Usage(meter, caller, "r", fast).begin() is None


def test_a_table_of_an_earlier_boot_or_release_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of another boot mean nothing, and neither does a file that is no table."""
    gcra, place = _gcra(tmp_path)
    gcra.charge(place, 10**15, 10**9, 10**12)
    monkeypatch.setattr("gateway.security.gcra._BOOT", tmp_path / "absent")
    again, place = _gcra(tmp_path)
    assert again.charge(place, 1, 10**9, 0).wait_ns == 0
    (tmp_path / "limits").write_bytes(b"GWTABLE1 short")
    again, place = _gcra(tmp_path)
    assert again.charge(place, 1, 10**9, 0).wait_ns == 0


def test_a_table_that_is_deleted_is_made_anew_by_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who deletes the file of quotas lets all begin anew: no worker goes on with the old one and a count of its own."""
    monkeypatch.setattr("gateway.security.meter.LOOK_S", 0.0)
    first, second = (Meter(tmp_path / "run", tmp_path / "state") for _ in range(2))
    limits, caller = LimitKeys(requests="10/h", daily=10).limits(), Caller("key one", False)
    assert limits

    def left(meter: Meter) -> list[int]:
        usage = Usage(meter, caller, "r", limits)
        assert (usage.begin(), usage.add_rows(1)) == (None, None)
        return [use.left for use in usage.uses]

    assert [left(first), left(second), left(first)] == [[9, 9], [8, 8], [7, 7]]
    (tmp_path / "state" / "quotas").unlink()
    assert [left(second), left(first), left(second)] == [[6, 9], [5, 8], [4, 7]]
    (tmp_path / "run" / "limits").unlink()
    assert [left(first), left(second)] == [[9, 6], [8, 5]]


def test_a_quota_is_of_one_day(tmp_path: Path) -> None:
    """It ends at 00:00 UTC; rows of yesterday are not given back to today."""
    quotas = Quotas(tmp_path / "quotas")
    place = quotas.place("one", is_address=False)
    noon = 20_000 * DAY_S + DAY_S / 2
    assert quotas.charge(place, 60, 100, noon) == (True, 40)
    assert quotas.charge(place, 41, 100, noon) == (False, 40)
    assert quotas.charge(place, 40, 100, noon) == (True, 0)
    assert quotas.charge(place, 10, 100, noon + DAY_S) == (True, 90)
    quotas.give_back(place, 60, noon)
    assert quotas.charge(place, 91, 100, noon + DAY_S) == (False, 90)


def _gcra(folder: Path) -> Any:
    gcra = Gcra(folder / "limits")
    return gcra, gcra.place("one", is_address=False)


def _spend(folder: Path, limits: CallerLimits, begin: Any, made: Any, is_killed: bool) -> None:
    """Charge one row as fast as it goes, and count what was granted, until none is."""
    meter, caller = Meter(folder / "run", folder / "state"), Caller("key one", False)
    begin.wait()
    while Usage(meter, caller, "r", limits).add_rows(1) is None:
        with made.get_lock():
            made.value += 1
        if is_killed and made.value > 500:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_quota_is_exact_over_processes_and_a_kill(tmp_path: Path) -> None:
    """Four processes that spend one quota, one of them killed, are granted all of it and nothing more."""
    context = multiprocessing.get_context("fork")
    made, begin = context.Value("q", 0), context.Event()
    limits = LimitKeys(daily=4000).limits()
    assert limits
    spenders = [
        context.Process(target=_spend, args=(tmp_path, limits, begin, made, number == 0)) for number in range(4)
    ]
    for spender in spenders:
        spender.start()
    begin.set()
    for spender in spenders:
        spender.join(60)
    assert [spender.exitcode for spender in spenders] == [-signal.SIGKILL, 0, 0, 0]
    assert made.value == 4000
    left = Usage(Meter(tmp_path / "run", tmp_path / "state"), Caller("key one", False), "r", limits)
    assert left.add_rows(1) is not None


def test_a_slow_process_is_waited_for(tmp_path: Path) -> None:
    """A process that is not scheduled for long while it holds the lock loses no charge: it is not stopped."""
    quotas = Quotas(tmp_path / "quotas")
    place = quotas.place("key one r", is_address=False)
    child = os.fork()
    if not child:
        other = SharedTable(tmp_path / "quotas")
        same = other.place("key one r", is_address=False)
        other.lock(same)
        (tmp_path / "held").touch()
        time.sleep(0.3)
        other.write(same, int(time.time()) // 86_400 << 40 | 7)
        other.unlock(same)
        os._exit(0)
    until((tmp_path / "held").exists, what="the lock of the other")
    assert quotas.charge(place, 1, 8, time.time()) == (True, 0)
    os.waitpid(child, 0)


def test_a_stopped_process_stops_no_other(tmp_path: Path) -> None:
    """A process that is stopped while it holds the lock of a set holds up the others for moments only."""
    gcra, place = _gcra(tmp_path)
    child = os.fork()
    if not child:
        other, same = _gcra(tmp_path)
        other._table.lock(same)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    try:
        os.waitpid(child, os.WUNTRACED)
        assert gcra.charge(place, 1, 10**9, time.monotonic_ns()).wait_ns == 0
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert gcra.charge(place, 1, 10**9, time.monotonic_ns()).wait_ns == 0
