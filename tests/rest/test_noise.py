"""Whatever is sent to a predict path over HTTP is answered: no 5xx, no hang, no lost worker, no raw NaN."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import strategies as st

import noise
from serving import Answer, Gateway

LONG = 20_000
JSON = "application/json"
#: Format -> its media type.
FILES = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
ACCEPTED = [JSON, "text/csv", "application/x-ndjson", FILES["parquet"], "*/*;q=0", "text/html", "a;;q=,,/"]
#: What may come beside a body, most often nothing.
HEADERS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "Accept": st.sampled_from(ACCEPTED),
            "Prefer": st.sampled_from(["on-error=skip", "on-error=", ",;=", "on-error=abort, on-error=skip"]),
            "Accept-Encoding": st.just("gzip"),
            "Content-Encoding": st.sampled_from(["gzip", "x-gzip", "identity", "br"]),
            "X-Request-ID": st.sampled_from(["1", "", "x" * 2_000, "é"]),
        },
    ),
)


@dataclass(frozen=True)
class Sent:
    """Hold one request, and what it claims to be."""

    kind: str
    path: str
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def _multipart(kind: str, path: str, body: bytes, name: str, options: bytes) -> Sent:
    part = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="f.{kind}"\r\n\r\n'.encode()
    option = b'--x\r\nContent-Disposition: form-data; name="_on_error"\r\n\r\n' + options + b"\r\n"
    whole = option * bool(options) + part + body + b"\r\n--x--\r\n"
    return Sent(f"multipart {kind}", path, whole, {"Content-Type": "multipart/form-data; boundary=x"})


def _text(kind: str, path: str, fields: list[tuple[str, str]], extra: bytes) -> Sent:
    encoded = urlencode(fields).encode() + b"&" * bool(extra) + extra
    if kind == "query":
        return Sent(kind, f"{path}?{quote_from_bytes(encoded, safe='=&%+;')}", None, method="GET")
    return Sent(kind, path, encoded, {"Content-Type": "application/x-www-form-urlencoded"})


def samples_of(route: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the sample of a route, and the same under other names: aliases where it has some, else with a row id."""
    sample, fields = route["sample"], route["inputs"]["properties"]
    renamed = {fields[name].get("x-aliases", [name])[0]: value for name, value in sample.items()}
    return [sample, renamed if renamed != sample else {"ID": "a", **sample}]


def requests_to(path: str, name: str, sample: dict[str, Any]) -> st.SearchStrategy[Sent]:
    """Make up requests to one route near its sample, in every way that it can be asked."""
    names, row = list(sample), list(sample.values())
    made: list[st.SearchStrategy[Sent]] = []

    def add(kind: str, where: str, bodies: st.SearchStrategy[bytes], media: str) -> None:
        made.append(bodies.map(lambda body: Sent(kind, where, body, {"Content-Type": media})))

    for kind, media in FILES.items():
        bodies = noise.bodies(kind, names, row)
        add(kind, path, bodies, media)
        of = st.sampled_from(["file", "file", "other", ""]), st.sampled_from([b"", b"skip", b"\xff"])
        made.append(st.builds(_multipart, st.just(kind), st.just(path), bodies, *of))
    add("json", path, noise.bodies("json", names, row), JSON)
    lines = noise.bodies("positional", names, row)
    add("positional", path, lines.map(lambda b: json.dumps({"data": b.decode(errors="replace")}).encode()), JSON)
    add("mlflow", f"{path}/invocations", noise.bodies("mlflow", names, row), JSON)
    add("mlflow csv", f"{path}/invocations", noise.bodies("csv", names, row), "text/csv")
    fields = noise.tables(names, row).map(lambda table: [(k, str(v)) for k, v in zip(table[0], table[1][0])])  # noqa: B905
    extra = st.one_of(st.just(b""), st.binary(max_size=20), noise.LETTERS)
    made += [st.builds(_text, st.just(kind), st.just(path), fields, extra) for kind in ("query", "form")]
    infer = noise.v2(names, row).map(
        lambda pair: Sent(
            "v2",
            f"/v2/models/{name}/infer",
            pair[0],
            {"Content-Type": JSON}
            if pair[1] is None
            else {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(pair[1])},
        )
    )
    made.append(infer)
    return st.one_of(made)


def send(server: Gateway, sent: Sent, more: dict[str, str]) -> Answer:
    """Send a request; what claims to be gzip half of the time is."""
    body = sent.body
    if more.get("Content-Encoding") == "gzip" and body is not None and len(body) % 2:
        body = gzip.compress(body)
    return server.request(sent.method, sent.path, body, {**sent.headers, **more})


def check(answer: Answer) -> None:
    """Look for what no client may ever see."""
    assert answer.status < 500, answer.body
    media = answer.headers.get("content-type", "").partition(";")[0]
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    if media == "application/octet-stream":
        body, media = body[: int(answer.headers["inference-header-content-length"])], JSON
    if media in (JSON, "application/problem+json"):
        noise.strict(body)
    elif media == "application/x-ndjson":
        for line in body.splitlines():
            noise.strict(line)
    else:
        assert media in ("text/csv", FILES["parquet"]) and answer.status == 200, (answer.status, media)


def fuzz(server: Gateway, examples: int) -> noise.Tally:
    """Send so many requests to all routes; the workers are the same ones afterwards, and ready."""
    workers = server.workers()
    routes = server.get("/routes").json["routes"]

    def survive(made: tuple[Sent, dict[str, str]]) -> str:
        answer = send(server, *made)
        check(answer)
        return f"{made[0].kind} {answer.status}"

    made = [requests_to(route["path"], route["name"], sample) for route in routes for sample in samples_of(route)]
    tally = noise.attack(st.tuples(st.one_of(made), HEADERS), examples, survive)
    assert server.workers() == workers
    assert server.get("/health/ready").status == 200
    return tally


def test_noise_is_answered(five: Gateway) -> None:
    """Random, damaged and odd requests in every format are answered, and cost no worker."""
    fuzz(five, 100)


@pytest.mark.slow
def test_much_noise_is_answered(five: Gateway, figures: Callable[[str], None]) -> None:
    """The same with 20,000 requests."""
    tally = fuzz(five, LONG)
    figures(str(tally))
    good = {kind.rpartition(" ")[0] for kind in tally.kinds if kind.endswith(" 200")}
    assert good == {kind.rpartition(" ")[0] for kind in tally.kinds}, "a format that is only ever refused proves little"
