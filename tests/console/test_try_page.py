"""The try page without a script, asked as a browser asks: what it shows, and what becomes of a form and a link."""

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from console.markup import Element, control_of, field_of, island, parsed, shown_in
from gateway.console.policy import PAGE
from gateway.rest.middleware.forwarded import Forwarded
from rest.one_worker import Answer, Worker, environ_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ECHO: dict[str, Any] = {
    "inputs": [
        {"name": "digit", "type": "string", "enum": ["1", "2"]},
        {"name": "code", "type": "number", "enum": [1, 2, 2.5]},
        {"name": "flag", "type": "boolean"},
        {"name": "size", "type": "number", "minimum": 0, "maximum": 10},
        {"name": "count", "type": "integer", "nullable": True, "required": False},
        {"name": "note", "type": "string", "max_length": 20_000},
        {"name": "share", "type": "number", "default": 0.5, "required": False},
    ],
    "output": {"kind": "json"},
}
SENT = {"digit": "1", "code": "1", "flag": "true", "size": "1.500", "count": "", "note": "a", "share": "0.25"}
SEEN = {"digit": "1", "code": 1.0, "flag": True, "size": 1.5, "count": None, "note": "a", "share": 0.25}
TEXTS = ["it's", 'a "b"', "back\\slash", "$HOME `x`", "two\nlines", "\nfirst", "😀 é", "<b>&amp;", "a+b %41", "\u2028"]
PROBE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
REGISTRY = """\
version: 1
routes:
  /sum: {artifact: sum.stub.json, inputs: {a: {examples: [1, 2, 3], unit: kg, aliases: [weight]}}}
  /echo: {artifact: echo.stub.json, aliases: [/old/echo], reading: {decimal: ",", thousands: "."}}
  /a: {artifact: sum.stub.json}
  /a/batch: {artifact: sum.stub.json, name: batch}
  /b: {artifact: sum.stub.json, name: static}
  /rows: {artifact: sum.stub.json, batch: by_id, id: {field: id}}
  /label: {artifact: label.stub.json, description: Says which}
  /parts: {artifact: parts.stub.json}
  /slow: {artifact: slow.stub.json, timeout_s: 0.1}
  /raises: {artifact: raises.stub.json}
  /broken: {artifact: broken.stub.json}
  /none: {artifact: none.stub.json}
  /full: {artifact: sum.stub.json, max_concurrency: 1, max_queue: 0}
  /probe: {artifact: probe.stub.json}
"""
SMALL = "version: 1\nroutes: {/sum: {artifact: sum.stub.json}}\n"
STUBS: dict[str, dict[str, Any]] = {
    "echo": ECHO,
    "label": {
        "inputs": ["a"],
        "output": {"kind": "classification", "labels": [f"l{at}" for at in range(12)], "probabilities": True},
        "answer": "l11",
    },
    "parts": {
        "inputs": ["a"],
        "output": {"kind": "multi_output", "names": ["height", "width"], "unit": "cm"},
        "answer": [1.5, 20_000.25],
    },
    "slow": {"inputs": ["a"], "sleep_s": 1},
    "raises": {"inputs": ["a"], "raise": "secret"},
    "broken": {"inputs": ["a"], "load_raise": "broken on purpose"},
    "none": {"inputs": [], "output": {"kind": "json"}, "answer": "always"},
    "probe": {
        "inputs": [
            {"name": PROBE, "type": "string", "enum": [PROBE, "b"], "description": PROBE, "unit": PROBE},
            {"name": "t", "type": "string", "title": PROBE, "default": PROBE, "required": False},
        ],
        "output": {"kind": "classification", "labels": [PROBE, "\u2028"], "probabilities": True},
        "answer": PROBE,
    },
}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker that serves in this process."""
    folder = tmp_path_factory.mktemp("pages")
    for name, script in STUBS.items():
        (folder / f"{name}.stub.json").write_text(json.dumps(script))
    return Worker(folder, REGISTRY)


def opened(worker: Worker, path: str, status: int = 200) -> Element:
    """Return a page as a browser gets it."""
    answer = worker.ask(environ_of("GET", path, headers=HTML))
    assert answer.status == status, answer
    return parsed(answer.body)


def link(worker: Worker, path: str, values: Mapping[str, str]) -> Answer:
    """Follow a link with inputs."""
    return worker.ask(environ_of("GET", f"{path}?{urlencode(values)}", headers=HTML))


def posted(worker: Worker, path: str, values: Mapping[str, str]) -> Answer:
    """Send a form as browsers do: line ends of texts are CR LF."""
    lines = {name: value.replace("\n", "\r\n") for name, value in values.items()}
    return worker.ask(environ_of("POST", path, urlencode(lines).encode(), {**HTML, **FORM}))


def answer_of(page: Element) -> Any:
    """Return the answer of the route as the page shows it."""
    return json.loads(page.one("pre", id="json").text)


def seen(worker: Worker, values: Mapping[str, str]) -> Any:
    """Return what the model of /echo saw of a form and of the same link, which is one and the same."""
    answers = [
        answer_of(parsed(ask(worker, "/console/echo", values).body))["prediction"]
        for ask in (posted, link)
    ]  # fmt: skip
    assert answers[0] == answers[1]
    return answers[0]


def test_the_form_holds_every_input_in_order(worker: Worker) -> None:
    """Fields stand in the order of the signature; each has one named control, its label and its rules."""
    page = opened(worker, "/console/echo")
    names = [field["name"] for field in ECHO["inputs"]]
    assert [row.attributes["data-field"] for row in page.all(class_="field")] == names
    assert [field["name"] for field in island(page)["fields"]] == names
    for name in names:
        control = control_of(page, name)
        assert field_of(page, name).one("label", for_=control.attributes["id"]).text.startswith(name)
        for described in control.attributes["aria-describedby"].split():
            assert page.one(id=described)
    kinds = {row.attributes["data-field"]: row.attributes["data-control"] for row in page.all(class_="field")}
    assert kinds == dict(
        zip(names, ("select", "select", "boolean", "number", "integer", "text", "number"), strict=True)
    )


def test_the_first_form_is_one_that_predicts(worker: Worker) -> None:
    """What the empty page is filled with is accepted as it stands."""
    for name in ("echo", "sum", "label", "parts", "none"):
        page = opened(worker, f"/console/{name}")
        values = {
            control.attributes["name"]: shown_in(control)
            for row in page.all(class_="field")
            for control in (control_of(page, row.attributes["data-field"]),)
        }
        assert posted(worker, f"/console/{name}", values).status == 200


def test_values_have_the_types_of_their_fields(worker: Worker) -> None:
    """A level "1" is a text and a level 1 a number; a number box holds a number of JSON, whatever texts mean here."""
    assert seen(worker, SENT) == SEEN
    page = parsed(posted(worker, "/console/echo", SENT).body)
    assert island(page)["inputs"] == SEEN
    assert island(page)["result"]["body"]["answer"] == answer_of(page)
    shown = {name: shown_in(control_of(page, name)) for name in SENT}
    assert shown == SENT


@pytest.mark.parametrize("text", TEXTS)
def test_texts_arrive_as_they_are(worker: Worker, text: str) -> None:
    """Quotes, line ends and signs of markup reach the model, and stand in the form afterwards."""
    assert seen(worker, {**SENT, "note": text})["note"] == text
    assert shown_in(control_of(parsed(link(worker, "/console/echo", {**SENT, "note": text}).body), "note")) == text


def test_a_long_text_fits(worker: Worker) -> None:
    """20,000 characters go by form, also those that take most room."""
    text = "ü" * 20_000
    page = parsed(posted(worker, "/console/echo", {**SENT, "note": text}).body)
    assert answer_of(page)["prediction"]["note"] == text


def test_what_is_absent(worker: Worker) -> None:
    """An input that a link does not name has its default, or is missing; one that must be there is a fault."""
    short = {name: SENT[name] for name in ("digit", "code", "flag", "size", "note")}
    assert seen(worker, short) == {**SEEN, "count": None, "share": 0.5}
    assert shown_in(control_of(parsed(link(worker, "/console/echo", short).body), "share")) == "0.5"
    del short["size"]
    assert link(worker, "/console/echo", short).status == 400


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("digit", "3", "3"),
        ("code", "7", "7"),
        ("flag", "perhaps", "perhaps"),
        ("size", "11", "above the maximum 10"),
        ("size", "viel", "is not a number"),
        ("count", "1.5", "whole number"),
        ("note", "", "empty"),
    ],
)
@pytest.mark.parametrize("ask", [posted, link])
def test_a_fault_stands_at_its_field(worker: Worker, ask: Any, name: str, value: str, told: str) -> None:
    """What does not fit stays in its control as it was sent, is marked there, and nothing is predicted."""
    answer = ask(worker, "/console/echo", {**SENT, name: value})
    assert answer.status == 400
    page = parsed(answer.body)
    control, fault = control_of(page, name), field_of(page, name).one(class_="fault")
    assert shown_in(control) == value
    assert control.attributes["aria-invalid"] == "true"
    assert fault.attributes["id"] in control.attributes["aria-describedby"].split()
    assert told in fault.text
    assert "hidden" not in fault.attributes
    assert [one.attributes["name"] for one in page.all(aria_invalid="true")] == [name]
    assert page.one(id="state").attributes["data-kind"] == "invalid"
    assert page.all(id="value") == []
    assert island(page)["result"] is None


def test_names_that_no_input_has_are_told(worker: Worker) -> None:
    """A name of a link that belongs to nothing is told; a misspelt one is a fault; an alias is its field."""
    page = parsed(link(worker, "/console/sum", {"a": "1", "b": "2", "colour": "red", "_x": "1"}).body)
    assert page.one(id="strangers").text.endswith(": colour")
    assert page.one(id="value").text == "3"
    assert link(worker, "/console/sum", {"weigth": "1", "b": "2"}).status == 400
    by_alias = parsed(link(worker, "/console/sum", {"weight": "5", "b": "2"}).body)
    assert shown_in(control_of(by_alias, "a")) == "5"
    assert link(worker, "/console/sum", {"weight": "5", "a": "5", "b": "2"}).status == 400


def test_a_name_that_stands_twice_is_refused(worker: Worker) -> None:
    """None of two values is silently taken."""
    assert worker.ask(environ_of("GET", "/console/sum?a=1&a=2&b=1")).status == 400


def test_examples_work_without_a_script(worker: Worker) -> None:
    """The button of an example sends its number, and the page comes back filled in and predicted."""
    buttons = opened(worker, "/console/sum").one("form", class_="examples").all("button")
    assert [json.loads(one.attributes["data-example"])["a"] for one in buttons] == [1, 2, 3]
    page = parsed(posted(worker, "/console/sum", {buttons[1].attributes["name"]: "1"}).body)
    assert shown_in(control_of(page, "a")) == "2"
    assert page.one(id="value").text == "3"
    for odd in ("99", "²", "-1", "01", "9" * 5000):
        assert posted(worker, "/console/sum", {"_example": odd}).status == 400


def test_results(worker: Worker) -> None:
    """Of many labels the most probable have bars; several outputs have a line each; other JSON is shown as it is."""
    page = parsed(posted(worker, "/console/label", {"a": "1"}).body)
    assert page.one(id="value").text == "l11"
    bars = page.one("ol", id="bars").all("li")
    assert (len(bars), bars[0].attributes) == (10, {"data-label": "l11", "class": "chosen"})
    assert bars[0].one(class_="share").text == "100.0 %"
    assert "2 labels" in page.one(class_="more").text
    parts = parsed(posted(worker, "/console/parts", {"a": "1"}).body).one("dl", id="values")
    assert [one.text for one in parts.all("output")] == ["1.5", "20,000.25"]
    assert parsed(posted(worker, "/console/none", {}).body).one(id="value").text == "always"
    rows = parsed(posted(worker, "/console/rows", {"a": "1", "b": "2"}).body)
    assert answer_of(rows) == {"prediction": 3.0}


def test_the_page_shows_what_the_route_answers(worker: Worker) -> None:
    """A form and the JSON request of the same values give one answer."""
    body = json.dumps({**SEEN, "count": None}).encode()
    api = worker.ask(environ_of("POST", "/echo", body, {"Content-Type": "application/json"}))
    assert answer_of(parsed(posted(worker, "/console/echo", SENT).body)) == api.json


@pytest.mark.parametrize(
    ("name", "status", "kind", "told"),
    [
        ("slow", 504, "deadline", "deadline passed"),
        ("raises", 500, "error", "under request id"),
        ("broken", 503, "failed", "broken on purpose"),
    ],
)
def test_failures_have_their_words(worker: Worker, name: str, status: int, kind: str, told: str) -> None:
    """A prediction that fails leaves the form as it was, says why, and never what only the log may hold."""
    answer = posted(worker, f"/console/{name}", {"a": "17"})
    page = parsed(answer.body)
    assert (answer.status, page.one(id="state").attributes["data-kind"]) == (status, kind)
    assert told in page.one(id="state").text
    assert b"secret" not in answer.body
    if name != "broken":
        assert shown_in(control_of(page, "a")) == "17"


def test_a_route_that_does_not_serve_says_so_at_once(worker: Worker) -> None:
    """Reason and fix stand on the page of a failed route before anybody predicts; so do those of a quarantined one."""
    page = opened(worker, "/console/broken")
    assert page.one(id="route-state").text == "failed"
    assert "load_raise" in page.one(id="state").one(class_="fix").text
    route = worker.generation.table.by_name["sum"]
    route.quarantine = "it killed two workers"
    try:
        shown = opened(worker, "/console/sum")
        refused = posted(worker, "/console/sum", {"a": "1", "b": "2"})
    finally:
        route.quarantine = ""
    for one in (shown, parsed(refused.body)):
        assert "it killed two workers" in one.one(id="state").text
        assert "gateway reload --force" in one.one(id="state").text
    assert (refused.status, shown_in(control_of(parsed(refused.body), "a"))) == (503, "1")


def test_overload(worker: Worker) -> None:
    """A full route answers 503 with Retry-After, and the page says when to come back."""
    route = worker.generation.table.by_name["full"]
    with route.counters.bulkhead.slot(float("inf")):
        answer = posted(worker, "/console/full", {"a": "1", "b": "2"})
    state = parsed(answer.body).one(id="state")
    assert (answer.status, state.attributes["data-kind"]) == (503, "overloaded")
    assert f"in {dict(answer.headers)['Retry-After']} s" in state.text


def test_names_and_paths_do_not_collide(worker: Worker) -> None:
    """/a and /a/batch, and routes whose names are those of pages, have pages of their own."""
    for name, path in (("a", "/a"), ("batch", "/a/batch"), ("static", "/b"), ("echo", "/echo")):
        for below in ("", "/batch", "/model"):
            page = opened(worker, f"/console/{name}{below}")
            assert page.one("body").attributes["data-route"] == path
    assert parsed(posted(worker, "/console/batch", {"a": "1", "b": "2"}).body).one(id="value").text == "3"


def test_an_unknown_name_has_a_page(worker: Worker) -> None:
    """A page of a model that is not there names the one that was meant."""
    for answer in (worker.ask(environ_of("GET", "/console/eco")), posted(worker, "/console/eco", {})):
        assert answer.status == 404
        assert "did you mean 'echo'?" in parsed(answer.body).one("main").text


def test_every_page_carries_the_policy(worker: Worker) -> None:
    """Pages, results and refusals alike; none holds an inline script, an inline style or a handler."""
    answers = [
        *(worker.ask(environ_of("GET", path, headers=HTML)) for path in ("/", "/console/echo", "/console/none-such")),
        *(worker.ask(environ_of("GET", f"/console/echo/{page}", headers=HTML)) for page in ("batch", "model")),
        posted(worker, "/console/echo", SENT),
        posted(worker, "/console/echo", {}),
        link(worker, "/console/echo", SENT),
    ]
    for answer in answers:
        headers = dict(answer.headers)
        assert headers["Content-Security-Policy"] == PAGE
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
        assert headers["Cache-Control"] == "private, no-cache"
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        for element in parsed(answer.body).inner():
            assert not [name for name in element.attributes if name == "style" or name.startswith("on")], element
            assert element.tag != "style"
            assert element.tag != "script" or "src" in element.attributes or element.attributes["id"] == "route"


def test_a_page_that_did_not_change_is_not_sent_again(worker: Worker) -> None:
    """A page has a tag, and whoever names it gets 304."""
    tag = dict(worker.ask(environ_of("GET", "/console/echo", headers=HTML)).headers)["ETag"]
    again = worker.ask(environ_of("GET", "/console/echo", headers={**HTML, "If-None-Match": tag}))
    assert (again.status, again.body) == (304, b"")


def test_the_data_of_a_page(worker: Worker) -> None:
    """Who asks for JSON gets the data of the page, without values."""
    answer = worker.ask(environ_of("GET", "/console/echo", headers={"Accept": "application/json"}))
    page = island(opened(worker, "/console/echo"))
    assert {**answer.json, "inputs": page["inputs"]} == page
    assert ("Vary", "Accept") in answer.headers


def test_markup_in_names_and_values_is_inert(worker: Worker) -> None:
    """Names, levels, units, labels, defaults and sent values that look like markup are texts, in the data as well."""
    for page in (
        opened(worker, "/console/probe"),
        parsed(link(worker, "/console/probe", {PROBE: PROBE, "t": PROBE}).body),
        parsed(link(worker, "/console/probe", {PROBE: f"{PROBE}x", f"q{PROBE}": "1"}).body),
    ):
        assert len(page.all("script")) == 2
        assert page.all("img") == []
        assert [field["name"] for field in island(page)["fields"]] == [PROBE, "t"]
    body = link(worker, "/console/probe", {PROBE: PROBE, "t": "x"}).body.decode()
    assert island(parsed(body.encode()))["result"]["body"]["prediction"] == PROBE
    assert "\u2028" not in re.findall(r'id="route">(.*)</script>', body)[0]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_only_forms_are_read(worker: Worker, kind: str) -> None:
    """Another body is refused with what to send instead."""
    answer = worker.ask(environ_of("POST", "/console/sum", b'{"a": 1}', {"Content-Type": kind}))
    assert answer.status == 415
    assert "JSON to the route itself" in parsed(answer.body).one(id="state").text


def test_behind_a_prefix(tmp_path: Path) -> None:
    """Below /ml every URL of every page begins with it, and a form comes back."""
    worker = Worker(tmp_path, SMALL, Forwarded("/ml", ()))
    for path in ("/ml/", "/ml/console/sum", "/ml/console/sum/batch", "/ml/console/sum/model", "/ml/console/x"):
        page = parsed(worker.ask(environ_of("GET", path, headers=HTML)).body)
        urls = [
            one.attributes[name] for one in page.inner() for name in ("href", "src", "action") if name in one.attributes
        ]
        assert len(urls) > 4
        assert [url for url in urls if not url.startswith(("/ml/", "#", "?", "data:"))] == []
    data = island(parsed(worker.ask(environ_of("GET", "/ml/console/sum", headers=HTML)).body))
    assert (data["url"], data["check"], data["page"]) == ("/ml/sum", "/ml/sum/check", "/ml/console/sum")
    assert parsed(posted(worker, "/ml/console/sum", {"a": "1", "b": "2"}).body).one(id="value").text == "3"


def test_the_root_by_accept(worker: Worker) -> None:
    """Only who asks for HTML gets the page; programs get the catalog, and caches know that there are two."""
    for accept in (None, "*/*", "application/json", "application/json, text/html", "text/csv"):
        answer = worker.ask(environ_of("GET", "/", headers={} if accept is None else {"Accept": accept}))
        assert (answer.status, [*answer.json]) == (200, ["generation", "routes"])
        assert ("Vary", "Accept") in answer.headers
    answer = worker.ask(environ_of("GET", "/", headers=HTML))
    assert parsed(answer.body).all("a", href="/console/echo")
    assert ("Vary", "Accept") in answer.headers


@pytest.mark.parametrize(("docs", "status"), [("true", 302), ("false", 200)])
def test_the_console_may_be_switched_off(tmp_path: Path, docs: str, status: int) -> None:
    """Without it every URL of it is 404 with the way back; `/` leads to /docs, or is the catalog."""
    worker = Worker(tmp_path, f"{SMALL}server: {{console: false, docs: {docs}}}\n")
    for path in (
        "/console/sum",
        "/console/sum?a=1",
        "/console/sum/batch",
        "/console/sum/model",
        "/static/0/console.css",
    ):
        answer = worker.ask(environ_of("GET", path, headers=HTML))
        assert (answer.status, answer.json["type"]) == (404, "urn:gateway:error:console-off")
        assert "server.console" in answer.json["hint"]
    assert posted(worker, "/console/sum", {"a": "1"}).status == 404
    assert worker.ask(environ_of("GET", "/", headers=HTML)).status == status
    assert worker.ask(environ_of("GET", "/sum?a=1&b=2")).json == {"prediction": 3.0}


def test_static_files(worker: Worker) -> None:
    """A file is kept for good under its present digest, for this time under another one; nothing else is a file."""
    (sheet,) = opened(worker, "/console/sum").all("link", rel="stylesheet")
    path = sheet.attributes["href"]
    zipped = worker.ask(environ_of("GET", path, headers={"Accept-Encoding": "gzip"}))
    plain = worker.ask(environ_of("GET", f"/static/0/{path.rpartition('/')[2]}"))
    assert "immutable" in dict(zipped.headers)["Cache-Control"]
    assert dict(plain.headers)["Cache-Control"] == "no-cache"
    assert gzip.decompress(zipped.body) == plain.body
    for name in ("none.css", "../policy.py", "%2e%2e/policy.py", "."):
        assert worker.ask(environ_of("GET", f"/static/0/{name}")).status == 404
