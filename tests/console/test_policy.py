"""The policy of pages: on every page that the map of URLs knows, on their errors, and on every file."""

import random

import pytest

from console.test_every_page import PLOT_POLICY, POLICY
from gateway.console.assets import assets
from rest.one_worker import Answer, Worker, environ_of
from security.every_rule import PLACES

HTML = {"Accept": "text/html"}
#: Pages and files must not be sniffed and tell no other host where they were.
ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
#: /docs is one file, with its script and its style named by their digests; it asks for no form and no frame either.
DOCS = ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "script-src 'sha256-")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker with two routes."""
    return Worker(tmp_path_factory.mktemp("worker"))


def ask(worker: Worker, path: str, method: str = "GET") -> Answer:
    """Ask for a page as a browser does."""
    return worker.ask(environ_of(method, path, b"", HTML), fast=False)


def is_bound(path: str, answer: Answer) -> bool:
    """Say whether an answer carries the policy and the two headers beside it."""
    headers = dict(answer.headers)
    policy = headers.get("Content-Security-Policy", "")
    is_strict = (
        all(part in policy for part in DOCS) and "unsafe" not in policy
        if path.startswith("/docs")
        else policy in (POLICY, PLOT_POLICY)
    )
    return is_strict and ALWAYS.items() <= headers.items()


def test_every_page_of_the_map_has_the_policy(worker: Worker) -> None:
    """Whatever path answers HTML answers with the policy; so does a page that is not found or takes no such method."""
    pages = set()
    for rule in worker.apps[True].url_map.iter_rules():
        path = rule.rule
        for name, value in PLACES.items():
            path = path.replace(f"<path:{name}>", value).replace(f"<{name}>", value)
        for wrong in ("", "-no-such-thing"):
            for method in ("GET", "POST"):
                answer = ask(worker, path + wrong, method)
                if answer.body and dict(answer.headers).get("Content-Type", "").startswith("text/html"):
                    pages.add(path)
                    assert is_bound(path, answer), (method, path + wrong, answer.headers)
    assert {"/", "/docs", "/console/deep", "/console/deep/batch", "/console/deep/model"} <= pages


def test_every_file_has_the_policy(worker: Worker) -> None:
    """An image or a script that is opened by itself is bound as a page is; only a page with a plot may load Plotly."""
    names = list(assets().files)
    assert len(names) > 5
    for name in random.Random(13).sample(names, len(names)):
        answer = ask(worker, assets().path_of(name))
        assert (answer.status, is_bound(name, answer)) == (200, True), (name, answer.headers)
