"""
Each refusal and each change leaves an audit line without values; logs, exports and caches carry nothing harmful.

OWASP: API8, API9, ML09
"""

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import serving
from gateway import logs
from gateway.process import changes_told
from gateway.security import api_key, key_changes, key_file
from gateway.security.key_file import KeyFile
from gateway.security.refusal_sums import LINES_A_SECOND, LINES_AT_ONCE, SEVERAL, TOLD_AFTER_S, Refusal, RefusalSums
from gateway.system.users import acting_user
from serving import Gateway, until

FORMULA = '=HYPERLINK("http://evil.test",A1)'
REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n  /words: words.stub\n"
WORDS = {
    "inputs": [{"name": "+name", "type": "string"}],
    "output": {"kind": "classification", "labels": [FORMULA, "@plain"]},
    "answer": FORMULA,
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[tuple[Gateway, dict[str, str]]]:
    """Serve with keys; yield the gateway and the texts of two keys: one of everything, one of a single route."""
    folder = tmp_path_factory.mktemp("traces")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    (folder / "words.stub").write_text(json.dumps(WORDS))
    server = serving.make(folder, cache, REGISTRY, workers=1)
    path, now = server.home / "keys.yaml", datetime.now(UTC)
    keys = {name: key_changes.create(path, scopes, now).text for name, scopes in
            {"all": ["*"], "words": ["predict:/words"]}.items()}  # fmt: skip
    try:
        server.start()
        until(lambda: server.health() != {} and server.get("/health/ready").status == 200, serving.START_S)
        yield server, keys
        server.stop()
    finally:
        server.kill()


def audited(server: Gateway, message: str, **wanted: Any) -> list[dict[str, Any]]:
    """Wait for audit lines with these fields, and return them."""

    def found() -> list[dict[str, Any]]:
        lines = [line for line in server.events(message) if line["logger"] == "gateway.audit"]
        return [line for line in lines if wanted.items() <= line.items()]

    lines: list[dict[str, Any]] = until(found, what=f"an audit line {wanted}")
    return lines


def bearer(key: str) -> dict[str, str]:
    """Return the field that carries a key."""
    return {"Authorization": f"Bearer {key}"}


def test_each_refused_request_leaves_one_line(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """Who asked for what on which route with what result: for each refusal one line, without values or keys."""
    server, keys = guarded
    wrong = api_key.new_text("aaaaaaaa")
    cases = [("none", {}, 401, "anonymous"), ("wrong", bearer(wrong), 401, "anonymous"),
             ("other", bearer(keys["words"]), 403, api_key.parse(keys["words"]).id)]  # fmt: skip
    for name, headers, status, who in cases:
        answer = server.get("/m", {**headers, "X-Request-ID": f"audit-{name}"}, a=4711.25)
        assert answer.status == status
        (line,) = audited(server, "refused", request_id=f"audit-{name}")
        told = {name: line[name] for name in ("who", "what", "route", "result", "rows", "client")}
        expected = {"who": who, "what": "GET", "route": "/m", "result": status, "rows": 0, "client": "127.0.0.1"}
        assert told == expected
    assert server.get("/m", bearer(keys["all"]), a=4711.25).status == 200
    log = server.log.read_text()
    assert not [text for text in ("4711.25", wrong, *keys.values()) if text in log]


def test_a_flood_of_refusals_is_told_in_sums(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """Beyond the budget lines tell several refusals each, soon and without a later request; none is left out."""
    server, keys = guarded
    kinds = [("POST", "/m", {}, 401), ("POST", "/m", bearer(api_key.new_text("aaaaaaaa")), 401),
             ("GET", "/flood", bearer(keys["words"]), 403)]  # fmt: skip
    before = {kind: refused_at(server, keys, *kind) for kind in (("m", "401"), ("", "403"))}
    connection, times = server.connect(), 2 * LINES_AT_ONCE
    for number in range(times):
        method, path, headers, status = kinds[number % len(kinds)]
        assert connection.request(method, path, None, headers).status == status
    connection.close()

    def told() -> list[dict[str, Any]]:
        lines = [line for line in server.events("refused") if line["route"] == "/flood" or line["what"] == "POST"]
        return lines if sum(line.get("times", 1) for line in lines) >= times else []

    lines = until(told, what="the lines of every refused request")
    assert sum(line.get("times", 1) for line in lines) == times
    assert len(lines) < times
    by_who = {who: sum(line.get("times", 1) for line in lines if line["who"] == who) for who in
              ("anonymous", api_key.parse(keys["words"]).id)}  # fmt: skip
    of_each = [len(range(start, times, len(kinds))) for start in range(len(kinds))]
    assert list(by_who.values()) == [of_each[0] + of_each[1], of_each[2]]
    assert {line["client"] for line in lines} == {"127.0.0.1"}
    assert refused_at(server, keys, "m", "401") - before["m", "401"] == by_who["anonymous"]
    assert refused_at(server, keys, "", "403") - before["", "403"] == of_each[2]


def refused_at(server: Gateway, keys: dict[str, str], route: str, code: str) -> float:
    """Return what /metrics says of refused requests."""
    page = server.get("/metrics", bearer(keys["all"])).body.decode()
    found = re.search(rf'gateway_refused_total{{code="{code}",route="{route}"}} (\S+)', page)
    return float(found[1]) if found else 0.0


def test_sums_tell_apart_what_they_can() -> None:
    """With a clock of our own: the budget, then sums by kind; of too many kinds the callers, then the statuses."""
    sums = RefusalSums()

    def refusal(who: str, route: str, client: str = "192.0.2.1") -> Refusal:
        return Refusal(who, "GET", route, 401, 2, "id", client)

    assert sum(sums.has_line(100.0) for _ in range(1_000)) == LINES_AT_ONCE
    assert sum(sums.has_line(101.0) for _ in range(1_000)) == LINES_A_SECOND
    for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        sums.add(refusal("anonymous", "/a", client), 101.0)
    sums.add(refusal("anonymous", "/b"), 102.0)
    assert sums.due(101.0 + TOLD_AFTER_S - 0.1) == []
    first, second = sums.due(101.0 + TOLD_AFTER_S)
    assert (first.times, first.refusal.route, first.refusal.rows, first.refusal.client) == (3, "/a", 6, SEVERAL)
    assert (second.times, second.refusal.route, second.refusal.client) == (1, "/b", "192.0.2.1")
    assert sums.due(200.0) == []
    for number in range(10_000):
        sums.add(refusal(f"subject {number}" if number % 2 else "anonymous", f"/{number}"), 300.0)
    told = sums.due(400.0)
    assert sum(one.times for one in told) == 10_000
    assert len(told) < 200
    assert {one.times > 4_000 for one in told if one.refusal.route == SEVERAL and one.refusal.who == "anonymous"} == {
        True
    }


def test_each_change_leaves_one_line(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """A committed and a refused edit, a new, a rotated and a revoked key are told with their source and names."""
    server, _ = guarded
    server.registry.write_text(REGISTRY + "  /more: m.stub\n")
    audited(server, "changed", what="registry", result="committed", who="file changed", added=["/more"])
    server.registry.write_text(REGISTRY + "  /more: absent.stub\n")
    assert audited(server, "changed", what="registry", result="refused")[-1]["faults"] == 1
    server.registry.write_text(REGISTRY)
    audited(server, "changed", what="registry", result="committed", removed=["/more"])
    path, now = server.home / "keys.yaml", datetime.now(UTC)
    issued = key_changes.create(path, ["metrics"], now)
    audited(server, "changed", what="key created", key=issued.key.id)
    key_changes.rotate(path, issued.key.id, now, now)
    audited(server, "changed", what="key rotated", key=issued.key.id)
    key_changes.revoke(path, issued.key.id, now)
    audited(server, "changed", what="key revoked", key=issued.key.id, who="the file of keys")


def test_a_change_of_a_key_is_told_with_its_user(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """Commands are told with who gave them; an edit by hand afterwards is told as one, and no secret anywhere."""
    server, _ = guarded
    made = server.command("key", "create", "night shift", "--scope", "metrics")
    text = made.stdout.strip()
    (line,) = audited(server, "changed", what="key created", key=api_key.parse(text).id)
    assert (line["who"], line["command"], line["called"]) == (acting_user(), "gateway key create", "night shift")
    path = server.home / "keys.yaml"
    path.write_text(path.read_text().replace("night shift", "late shift"))
    (line,) = audited(server, "changed", what="key edited", key=api_key.parse(text).id)
    assert (line["who"], line["command"], line["called"]) == ("the file of keys", "", "late shift")
    assert server.command("key", "revoke", line["key"]).returncode == 0
    (line,) = audited(server, "changed", what="key revoked", key=line["key"])
    assert (line["who"], line["command"]) == (acting_user(), "gateway key revoke")
    assert text not in server.log.read_text() + path.read_text()


def test_changes_of_one_look_are_all_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was done to the keys since the gateway looked last is told one by one; a copy put back is by hand."""
    path, now = tmp_path / "keys.yaml", datetime.now(UTC)
    old = key_changes.create(path, ["*"], now, by="alice").key.id
    before = key_file.read(path) or KeyFile()
    new = key_changes.create(path, ["*"], now, by="bob").key.id
    key_changes.rotate(path, old, now, now, by="bob")
    for id in (new, old):
        key_changes.revoke(path, id, now, by="carol")
    after = msgspec.structs.replace(key_file.read(path) or KeyFile(), jwt={"issuer": "https://id.test"})
    with caplog.at_level("INFO", "gateway.audit"):
        changes_told.tell_keys(before, after)
        changes_told.tell_keys(after, before)
    lines = [vars(record) for record in caplog.records]
    hand = "the file of keys"
    assert [(line["what"], line.get("key", ""), line["who"]) for line in lines] == [
        ("key rotated", old, "carol"), ("key revoked", old, "carol"),
        ("key created", new, "carol"), ("key revoked", new, "carol"), ("jwt", "", hand),
        ("key rotated", old, hand), ("key edited", old, hand), ("key deleted", new, hand), ("jwt", "", hand),
    ]  # fmt: skip


def test_no_cache_keeps_a_prediction(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """Answers of every dialect say no-store: they hold what somebody asked."""
    server, keys = guarded
    key, kind = bearer(keys["all"]), {"Content-Type": "application/json"}
    v2 = {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [2]}]}
    asked: list[tuple[str, str, Any, dict[str, str]]] = [
        ("GET", "/m?a=2", None, {}),
        ("GET", "/m?a=2", None, {"Accept-Encoding": "gzip", "Origin": "http://elsewhere.test"}),
        ("POST", "/m", {"a": 2}, kind),
        ("POST", "/m", {"instances": [{"a": 2}, {"a": 3}]}, kind),
        ("POST", "/m", {"instances": [{"a": 2}]}, kind | {"Accept": "text/csv"}),
        ("POST", "/m/check", [{"a": 2}], kind),
        ("POST", "/m/invocations", {"inputs": [{"a": 2}]}, kind),
        ("POST", "/v2/models/m/infer", v2, kind),
    ]
    for method, path, body, headers in asked:
        answer = server.request(method, path, json.dumps(body).encode() if body else None, {**key, **headers})
        assert (answer.status, answer.headers.get("cache-control")) == (200, "no-store"), (path, answer.body)


def test_no_export_holds_a_formula(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """Labels, names and echoed inputs that a spreadsheet would run are texts in CSV and XLSX, and nothing else is changed."""
    server, keys = guarded
    for accept in ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"):
        headers = {"Content-Type": "text/csv", "Accept": accept, "Prefer": "errors=rows"} | bearer(keys["words"])
        body = b"+name\n=1+1\n-2\n\t=cmd\n"
        answer = server.request("POST", "/words", body, headers)
        assert answer.status == 200, answer.body
        if accept == "text/csv":
            cells = [cell for row in csv.reader(io.StringIO(answer.body.decode())) for cell in row]
            assert f"'{FORMULA}" in cells
            assert not [one for one in cells if one[:1] in "=+@\t\r" and one]
        else:
            with zipfile.ZipFile(io.BytesIO(answer.body)) as book:
                sheet = book.read("xl/worksheets/sheet1.xml").decode()
            assert "HYPERLINK" in sheet
            assert "<f>" not in sheet


#: Cursor movements, new lines, deletions, marks that turn text around or have no width, in any encoding of JSON.
CONTROLS = "\x1b[2K\x9b2J\r\n\x07\x7f\x85\u202efdp.\u2066\u2028\u200b\ufeff"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_logs_hold_no_control_characters(log_format: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a record or an access line holds, in message, fields or traceback, is one printable line of text."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        logs.configure("info", log_format)  # type: ignore[arg-type]
        try:
            raise ValueError(CONTROLS)
        except ValueError:
            logging.getLogger("gateway.test").exception("said %s", CONTROLS, extra={"route": CONTROLS})
        logs.access(logs.AccessLine(request_id="1", route=CONTROLS, method="GET", code=200, duration_ms=1))
        logs.flush()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
    text = capfd.readouterr().err
    assert {one for one in text if not one.isprintable()} == {"\n"}
    if log_format == "json":
        record, access = (json.loads(line) for line in text.splitlines())
        assert (record["route"], access["route"]) == (CONTROLS, CONTROLS), "what was said can still be read"


def test_the_log_of_a_gateway_holds_no_control_characters(guarded: tuple[Gateway, dict[str, str]]) -> None:
    """A path with escapes, sent by a stranger, is escaped in the access line and in the audit line."""
    server, _ = guarded
    server.get("/%1b%5b2K%e2%80%ae%c2%9b", {"X-Request-ID": "controls"})
    audited(server, "refused", request_id="controls")
    assert {one for one in server.log.read_text() if not one.isprintable()} == {"\n"}
