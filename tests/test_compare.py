"""What a comparison of two recordings calls equal and what a change; and what the figures of a source count."""

import random
from pathlib import Path
from typing import Any

import pytest
from compare import source_figures
from compare.difference import difference
from compare.record import GROUPS, SEED, all_requests, line_of, mark_empty
from compare.requests.base import get
from compare.wire import Answer

BODY = b'{"prediction":1.5,"request_id":"%s","pid":%d,"up_s":%.1f}'


def recording(answer: Answer, path: str = "/sum?a=1") -> list[dict[str, Any]]:
    """Return the recording of one request."""
    lines = [line_of(0, "group", get("five", "name", path), [answer], "/a/folder")]
    mark_empty(lines)
    return lines


def answered(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    """Return an answer; an underscore in the name of a header stands for a hyphen."""
    pairs = {"Content-Length": str(len(body)), **{name.replace("_", "-"): headers[name] for name in headers}}
    return Answer(status, tuple(pairs.items()), body)


def test_what_must_vary_is_no_difference() -> None:
    """Ids that the gateway made, process ids, durations, dates and all that follows from them are left out."""
    before = answered(200, BODY % (b"0" * 32, 7, 1.5), Date="Mon", X_Request_ID="0" * 32, Server_Timing="total;dur=1.5")
    after = answered(
        200, BODY % (b"a" * 32, 12345, 10.5), Date="Tue", X_Request_ID="a" * 32, Server_Timing="total;dur=2"
    )
    found = difference(recording(before), recording(after))
    assert (found.answers, dict(found.headers)) == ([], {})


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (answered(404), "status 200 became 404"),
        (answered(200, b"{ }"), "'{}' became '{ }'"),
        (answered(200, b"x" * 70_000), "a long body"),
        (answered(200, b'{"request_id":"mine"}'), "mine"),
    ],
)
def test_a_change_of_an_answer_is_one(after: Answer, expected: str) -> None:
    """Another status or another byte of a body is a difference, however long the body is."""
    (found,) = difference(recording(answered()), recording(after)).answers
    assert expected in found


def test_an_answer_more_or_less_is_a_change() -> None:
    """A request that is answered twice, or not at all, differs from one that is answered once."""
    once, none = recording(answered()), recording(answered())
    none[0]["answers"] = []
    assert difference(once, none).answers == ["0 group/five 'name': answers [200] became []"]


def test_headers_are_reported_by_name() -> None:
    """An added, a removed and a changed header are counted; another order of Allow is none."""
    before = answered(200, b"{}", Allow="GET, POST", X_Old="1", Vary="Accept", X_Request_ID="mine")
    after = answered(200, b"{}", Allow="POST, GET", X_New="1", Vary="Origin, Accept", X_Request_ID="mine")
    found = difference(recording(before), recording(after))
    assert (found.answers, sorted(found.headers)) == ([], ["vary: +Origin", "x-new: added", "x-old: removed"])


def test_another_request_is_no_comparison() -> None:
    """Recordings of unlike requests are told apart instead of compared."""
    (found,) = difference(recording(answered()), recording(answered(), "/sum?a=2")).answers
    assert "another request was sent" in found


def test_requests_are_the_same_each_time_and_many() -> None:
    """Two runs send the same bytes, at least 2,000 requests; no choice depends on anything but the seed."""
    first, second = ([(group, request.pieces) for group, request in all_requests()] for _ in range(2))
    assert first == second
    assert len(first) > 2_000
    assert all(any(True for _ in make(random.Random(SEED))) for make in GROUPS.values())


def test_figures_of_a_source(tmp_path: Path) -> None:
    """Rooms are folders and files at the root; an arrow is counted once; rooms that import each other are a circle."""
    files = {
        "__init__.py": "",
        "errors.py": "x: int = 1\n",
        "low/__init__.py": "from gateway.errors import x\n",
        "low/a.py": "from typing import Any\nfrom gateway.errors import x\ny: Any = x\n",
        "high/a.py": "import gateway.low.a\nfrom gateway import errors\n\n\ndef f() -> None:\n    pass\n",
    }
    for name, text in files.items():
        path = tmp_path / "gateway" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = source_figures.figures(tmp_path)
    assert found == {
        "files": 5,
        "files at the root of gateway/": 2,
        "rooms (folders, and files at the root)": 3,
        "folders": 2,
        "arrows between rooms": 3,
        "circles of rooms": 0,
        "floors that the imports need": 3,
        "lines": 11,
        "functions": 1,
        "Any": 1,
    }
    (tmp_path / "gateway/errors.py").write_text("import gateway.high\n")
    assert source_figures.figures(tmp_path)["circles of rooms"] == 1
