"""The switch "Why?" shows what each input adds to an answer: without a script, with one, in files, and of the model."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from console import modules
from console.accessibility import violations
from gateway.console.marked_text import marked
from rest.one_worker import Worker, environ_of
from serving import Gateway

if TYPE_CHECKING:
    from playwright.sync_api import Page

HTML = {"Accept": "text/html"}
INPUTS = [{"name": "a", "title": "First", "unit": "kg"}, {"name": "b"}, {"name": "c"}]
LABEL = {"inputs": ["a"], "output": {"kind": "classification", "labels": ["no", "yes"], "probabilities": True}}
REGISTRY = """\
version: 1
routes:
  /sum: {artifact: sum3.stub.json, golden: rows3.json}
  /label: {artifact: label.stub.json}
"""
GOLDEN = {"version": 1, "instances": [{"a": 1, "b": -3, "c": 0}], "predictions": [{"value": -2.0}]}
TEXTS = [
    ["A dull, dull film - but NOT good?", {"dull": -2.0, "not good": 1.0, "film": 0.5, "good": 0.1}],
    ["Ärger über Öl", {"ärger": -1.0, "öl": 0.3}],
    ["a+b (x)", {"x": 1.0, "+": 2.0}],
    ["", {"x": 1.0}],
    ["nothing of it", {}],
]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Serve a stub that sums three numbers, and one whose answers have no parts."""
    folder = tmp_path_factory.mktemp("why")
    (folder / "sum3.stub.json").write_text(json.dumps({"inputs": INPUTS, "output": {"kind": "regression"}}))
    (folder / "label.stub.json").write_text(json.dumps(LABEL))
    (folder / "rows3.json").write_text(json.dumps(GOLDEN))
    return Worker(folder, REGISTRY)


def test_a_link_shows_why_without_a_script(worker: Worker) -> None:
    """Bars with the largest first, between start and total; the scale in words, and that it is no cause."""
    text = worker.ask(environ_of("GET", "/console/sum?a=1&b=-2.5&c=0.5&_explain=true", b"", HTML)).body.decode()
    rows = text[text.index('id="why-rows"') : text.index('id="why-texts"')]
    places = [rows.index(word) for word in ("Start", ">b", "-2.5", ">First", "1 kg", "+1<", ">c", "+0.5", "Together")]
    assert places == sorted(places)
    assert 'class="minus" x="-100.0" y="1" width="100.0"' in rows
    assert "not what causes what" in text
    assert 'value="true" checked' in text
    plain = worker.ask(environ_of("GET", "/console/sum?a=1&b=-2.5&c=0.5", b"", HTML)).body.decode()
    assert 'value="true" checked' not in plain
    assert '<section id="why" aria-labelledby="why-title" hidden>' in plain


def test_pages_of_models_without_explanations_say_so(worker: Worker) -> None:
    """There is no switch; the model page names the reason, and a link that asks is refused with it."""
    assert 'id="explain"' not in worker.ask(environ_of("GET", "/console/label", b"", HTML)).body.decode()
    assert "Answers cannot be explained exactly: a stub" in worker.ask(
        environ_of("GET", "/console/label/model", b"", HTML)
    ).body.decode().replace("&#39;", "'")
    refused = worker.ask(environ_of("GET", "/console/label?a=1&_explain=true", b"", HTML))
    assert refused.status == 422
    assert "cannot be explained" in refused.body.decode()


def test_the_model_page_ranks_the_inputs(worker: Worker) -> None:
    """The mean size of the effects over golden rows, largest first, as bars of a table."""
    text = worker.ask(environ_of("GET", "/console/sum/model", b"", HTML)).body.decode()
    rows = text[text.index('id="importance-title"') :]
    places = [
        rows.index(word) for word in (">b<", 'value="1.0"', ">3<", ">First<", "0.333", ">c<", "over 1 golden rows")
    ]
    assert places == sorted(places)


def test_the_batch_page_adds_the_columns(worker: Worker) -> None:
    """A checkbox of its form, and a column per input in the file that comes back."""
    page = worker.ask(environ_of("GET", "/console/sum/batch", b"", HTML)).body.decode()
    assert 'name="_explain" value="true"' in page
    parts = {"format": "csv", "_explain": "true"}
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in parts.items()
    )
    body += (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b,c\n1,-2.5,0.5\n\r\n--b--\r\n'
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    lines = worker.ask(environ_of("POST", "/console/sum/batch", body, kind)).body.decode().splitlines()
    assert lines[0] == "a,b,c,prediction,explanation.base,explanation.a,explanation.b,explanation.c"
    assert lines[1] == "1,-2.5,0.5,-1.0,0.0,1.0,-2.5,0.5"


@modules.needs_node
def test_script_and_server_mark_the_same_words(tmp_path: Any) -> None:
    """The same pieces, signs and strengths, for words, word pairs and letters beyond ASCII."""
    calls = [["marked", text, list(tokens.items())] for text, tokens in TEXTS]  # type: ignore[attr-defined]
    found = [[piece[:3] for piece in pieces] for pieces in modules.call("marked_text.js", calls, tmp_path)]
    own = [[[one.text, one.sign, one.level] for one in marked(text, tokens)] for text, tokens in TEXTS]  # type: ignore[arg-type]
    assert found == own
    assert [one[0] for one in own[0] if one[1]] == ["dull", "dull", "film", "NOT good"]


@pytest.mark.slow
def test_the_switch_explains_what_the_form_holds(five: Gateway, page: "Page") -> None:
    """Switched on, the bars follow the inputs and the address keeps it; they are what the server draws of that link."""
    five.load_explainers("diabetes")
    page.goto(f"http://127.0.0.1:{five.port}/console/diabetes")
    page.check("#explain")
    page.locator("#why:not([hidden])").wait_for()
    page.wait_for_url("**#*_explain=true")
    assert violations(page) == []
    drawn = page.locator("#why-rows").inner_text()
    page.goto(page.url.replace("#", "?"))
    assert page.locator("#explain").is_checked()
    assert page.locator("#why-rows").inner_text().split() == drawn.split()
    page.uncheck("#explain")
    page.locator("#why").wait_for(state="hidden")
