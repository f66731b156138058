"""Which distributed trace a request belongs to: read by the grammar of W3C trace context, answered, and logged."""

import json

import pytest

from gateway.rest.middleware.trace_context import MAX_STATE, trace_context_of
from serving import Gateway, until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{PARENT}-01"


def test_a_trace_is_continued() -> None:
    """The caller's trace and span are kept; the gateway's own span is another one each time."""
    first, second = (trace_context_of({"HTTP_TRACEPARENT": VALID, "HTTP_TRACESTATE": "a=1, t1@b=2 3"}) for _ in "ab")
    assert first is not None
    assert second is not None
    assert (first.trace_id, first.parent_span_id, first.state) == (TRACE, PARENT, "a=1,t1@b=2 3")
    assert first.response == f"00-{TRACE}-{first.span_id}-01"
    assert len({first.span_id, second.span_id, PARENT}) == 3


@pytest.mark.parametrize(
    "given", [VALID.replace("00-", "01-", 1), f"cc-{TRACE}-{PARENT}-ff-what=comes", VALID[:-2] + "00"]
)
def test_later_versions_are_read_as_far_as_they_are_known(given: str) -> None:
    """A later version may append to its fields; flags that nobody has defined yet are not passed on."""
    found = trace_context_of({"HTTP_TRACEPARENT": given})
    assert found is not None
    assert (found.trace_id, found.parent_span_id) == (TRACE, PARENT)
    assert found.response[-2:] in {"00", "01", "03"}


@pytest.mark.parametrize(
    "given",
    [
        "", VALID.upper(), VALID + "-", VALID + "-00", " " + VALID, VALID[:-1], f"ff-{TRACE}-{PARENT}-01", f"0-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[1:]}-{PARENT}-01", f"00-{TRACE}-{PARENT}-0g",
        f"00_{TRACE}_{PARENT}_01", f"{VALID},{VALID}", f"01-{TRACE}-{PARENT}-01.more", "00-１af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_is_ignored(given: str) -> None:
    """Anything else than the grammar says leaves the request without a trace."""
    assert trace_context_of({"HTTP_TRACEPARENT": given, "HTTP_TRACESTATE": "a=1"}) is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""), ("a=1", "a=1"), ("a=1 ,\tb=2,, ", "a=1,b=2"), ("a/b_*-1=x", "a/b_*-1=x"), ("9t@v=x", "9t@v=x"),
        ("A=1", ""), ("a", ""), ("a=", ""), ("=1", ""), ("a=1=2", ""), ("a=1,a=2", ""), ("a=\x7f", ""), ("a=é", ""), ("a@=1", ""),
        ("@b=1", ""), ("a@1=1", ""), ("1=2", ""), (",".join(f"k{n}=v" for n in range(32)), ",".join(f"k{n}=v" for n in range(32))),
        (",".join(f"k{n}=v" for n in range(33)), ""), ("a=" + "x" * 256, "a=" + "x" * 256), ("a=" + "x" * 257, ""),
        (f"a={'x' * 250},b={'y' * 250},c={'z' * 30}", ""),
    ],
)  # fmt: skip
def test_a_tracestate_is_kept_whole_or_not(given: str, kept: str) -> None:
    """A state with one member that the grammar does not know, a name twice, or too much of it, is left out."""
    found = trace_context_of({"HTTP_TRACEPARENT": VALID, "HTTP_TRACESTATE": given})
    assert found is not None
    assert found.state == kept
    assert len(found.state) <= MAX_STATE


def test_the_answer_and_the_log_name_the_trace(five: Gateway) -> None:
    """`traceresponse` and the access line tell the span; a request without a valid trace gets neither."""
    named = {"X-Request-ID": "trace-test-1", "traceparent": VALID, "tracestate": "a=1"}
    answer = five.get("/health/live", named)
    version, trace, span, flags = answer.headers["traceresponse"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    for number, wrong in enumerate(({}, {"traceparent": VALID[:-1]}, {"tracestate": "a=1"})):
        assert "traceresponse" not in five.get("/health/live", {"X-Request-ID": f"untraced-{number}", **wrong}).headers
    until(lambda: "untraced-2" in five.log.read_text(), what="the access line")
    lines = [
        json.loads(line) for line in five.log.read_text().splitlines() if "trace-test-1" in line or '"untraced-' in line
    ]
    assert [line.get("trace_id") for line in lines] == [TRACE, None, None, None]
    assert (lines[0]["span_id"], lines[0]["parent_span_id"], lines[0]["tracestate"]) == (span, PARENT, "a=1")
    assert all(not line.keys() & {"span_id", "parent_span_id", "tracestate"} for line in lines[1:])
