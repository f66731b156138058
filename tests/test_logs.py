"""Logs: one line per event, readable by a machine, silent about secrets and inputs."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from gunicorn.config import Config

from gateway import logs
from gateway.errors import LoadError

log = logging.getLogger("gateway.test")


@pytest.fixture(autouse=True)
def _own_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def _lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in capfd.readouterr().err.splitlines()]


def test_a_record_is_one_json_line_with_its_extra_fields(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a message contains, it stays one line, and extras stand beside it."""
    logs.configure()
    log.warning("two\nlines %s", "é", extra={"route": "loan", "path": Path("a/b")})
    (line,) = _lines(capfd)
    assert (line["level"], line["logger"], line["msg"]) == ("warning", "gateway.test", "two\nlines é")
    assert (line["route"], line["path"]) == ("loan", "a/b")
    assert str(line["ts"]).endswith("Z")


def test_an_exception_is_one_field(capfd: pytest.CaptureFixture[str]) -> None:
    """A traceback does not break the line apart."""
    logs.configure()
    try:
        raise LoadError("no Java")
    except LoadError:
        log.exception("cannot load")
    (line,) = _lines(capfd)
    assert "LoadError: no Java" in str(line["exception"])


def test_secrets_and_inputs_are_never_written(capfd: pytest.CaptureFixture[str]) -> None:
    """Fields that hold what a client sent or a key are redacted at any depth; unknown objects show their type."""

    class Patient:
        def __repr__(self) -> str:
            return "hidden"

    logs.configure()
    extra = {
        "inputs": "hidden",
        "Authorization": "hidden",
        "headers": [{"X-Api_Key": "hidden", "accept": "shown"}],
        "patient": Patient(),
    }
    log.info("x", extra=extra)
    text = capfd.readouterr().err
    assert "hidden" not in text
    assert "shown" in text
    assert "<Patient>" in text


def test_an_access_line_names_route_code_and_time(capfd: pytest.CaptureFixture[str]) -> None:
    """A request leaves one line with all that a dashboard of logs needs; 5xx are errors."""
    logs.configure()
    logs.access(logs.AccessLine(request_id="r1", route="loan", method="POST", code=503, duration_ms=1.23456, rows=3))
    (line,) = _lines(capfd)
    expected = {"level": "error", "request_id": "r1", "route": "loan", "code": 503, "duration_ms": 1.235, "rows": 3}
    assert expected.items() <= line.items()


@pytest.mark.parametrize(("level", "access"), [("warning", True), ("info", False)])
def test_access_lines_can_be_silenced(capfd: pytest.CaptureFixture[str], level: str, access: bool) -> None:
    """Neither a higher level nor the switch lets them through."""
    logs.configure(level, access=access)
    logs.access(logs.AccessLine(request_id="r1", route="loan", method="GET", code=200, duration_ms=1))
    assert capfd.readouterr().err == ""


def test_text_cannot_be_forged(capfd: pytest.CaptureFixture[str]) -> None:
    """In the text format a message with line ends or terminal codes stays one harmless line."""
    logs.configure("info", "text")
    log.info("a\n2026-01-01 error fake\x1b[2J", extra={"who": "x\ny"})
    (line,) = capfd.readouterr().err.splitlines()
    assert "\\n2026" in line
    assert "\\x1b[2J" in line
    assert "who=x\\ny" in line


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/loan", "/loan"),
        ("/x result=200 who=root", '"/x result=200 who=root"'),
        ('/x" who="root', r'"/x\" who=\"root"'),
        ('/x\\" who=root', r'"/x\\\" who=root"'),
        ("/x\u2003who=root", r"/x\u2003who=root"),
    ],
)
def test_no_path_looks_like_two_fields(path: str, shown: str, capfd: pytest.CaptureFixture[str]) -> None:
    """In the text format what a client chose stands in quotes where it has a blank: it ends where they end."""
    logs.configure("info", "text")
    log.warning("refused", extra={"who": "anonymous", "route": path, "result": 401})
    logs.access(logs.AccessLine(request_id="r1", route=path, method="GET", code=401, duration_ms=1))
    first, second = capfd.readouterr().err.splitlines()
    assert f" who=anonymous route={shown} result=401" in first
    assert f" route={shown} method=GET" in second


def test_lines_of_many_threads_do_not_mix(capfd: pytest.CaptureFixture[str]) -> None:
    """Every line is written with one call."""
    logs.configure()

    def talk(i: int) -> None:
        for _ in range(200):
            log.info("m%s", "x" * 200, extra={"i": i})

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_lines(capfd)) == 800


def test_a_vanished_reader_stops_nobody() -> None:
    """A log whose pipe is closed or full is lost, and the request goes on."""
    logs.configure()
    reader, writer = os.pipe()
    os.close(reader)
    before, logs._sink.fd = logs._sink.fd, writer
    try:
        log.info("into the void")
    finally:
        logs._sink.fd = before
        os.close(writer)


def test_gunicorn_speaks_the_same_language(capfd: pytest.CaptureFixture[str]) -> None:
    """What gunicorn says arrives as one JSON line, once."""
    logs.configure()
    logger = logs.GunicornLogger(Config())
    logger.info("Booting worker with pid: %s", 7)
    (line,) = _lines(capfd)
    assert (line["logger"], line["msg"]) == ("gunicorn.error", "Booting worker with pid: 7")
