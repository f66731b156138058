"""Paths that the registry calls pages: HTML for browsers, the answer of the route for everybody else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from serving import Gateway

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
SENT = {
    "sat": "800", "sat_number": "800", "cred": "Bachelors Degree", "cip": "Economics.", "coltype": "Private, nonprofit",
    "region": "1", "tuit": "15000", "tuit_number": "15000", "locale": "11", "adm": "0.3", "adm_number": "0.3",
}  # fmt: skip


def ask(five: Gateway, path: str, accept: str | None, method: str = "GET") -> requests.Response:
    """Send the old form."""
    headers: dict[str, Any] = {"Accept": accept}  # None: the header is not sent
    return requests.request(method, f"http://127.0.0.1:{five.port}{path}", params=SENT, headers=headers, timeout=30)


def test_a_browser_gets_the_page_of_the_route(five: Gateway) -> None:
    """The link of the old form shows the same number as the route answers, with a plot; extra names are told."""
    shown = ask(five, "/result", BROWSER)
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/html")
    assert "Accept" in shown.headers["vary"]
    assert "trusted-types" not in shown.headers["content-security-policy"]
    assert "img-src 'self' data: blob:;" in shown.headers["content-security-policy"]
    number = ask(five, "/earnings", None).json()["predicted_earn"]
    assert re.search(rf'<output id="value"[^>]*>{number:,.4f}</output>', shown.text)
    assert f"Predicted: ${number:,.2f}" in shown.text
    assert "<rect data-series" in shown.text
    assert "sat_number" in shown.text


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html"])
def test_others_get_what_the_route_answers(five: Gateway, accept: str | None) -> None:
    """Programs ask as they did before."""
    shown = ask(five, "/result", accept)
    assert shown.json() == ask(five, "/earnings", None).json()
    assert "Accept" in shown.headers["vary"]


def test_a_post_is_answered_as_by_the_route(five: Gateway) -> None:
    """Only what a browser opens is a page."""
    assert ask(five, "/result", BROWSER, "POST").json() == ask(five, "/earnings", None).json()


@pytest.mark.parametrize("accept", [JAVA, BROWSER])
@pytest.mark.parametrize("path", ["/earnings", "/api/v1"])
def test_routes_and_aliases_answer_json_to_everybody(five: Gateway, path: str, accept: str) -> None:
    """A client that says it reads HTML, as Java's does, gets JSON wherever the registry says no page."""
    assert ask(five, path, accept).json()["predicted_earn"]


def test_without_a_console_a_page_is_an_alias(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """The switch takes the page away and leaves the answer; a page that becomes an alias is mounted anew."""
    (tmp_path / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    text = f"version: 1\nserver: {{console: false}}\nroutes: {{/m: {{artifact: {tmp_path}/m.stub, pages: [/p]}}}}\n"
    served = gateway(text, workers=1)
    shown = requests.get(f"http://127.0.0.1:{served.port}/p?a=1", headers={"Accept": BROWSER}, timeout=30)
    assert shown.headers["content-type"] == "application/json"
    assert shown.json() == {"prediction": 1.0}


def test_the_counts_of_a_plot_are_kept_by_browsers_for_good(five: Gateway) -> None:
    """The address that the page names holds the digest of the file; any other one is asked again."""
    base = f"http://127.0.0.1:{five.port}/console"
    island = requests.get(f"{base}/earnings", headers={"Accept": "application/json"}, timeout=30).json()
    found = requests.get(f"http://127.0.0.1:{five.port}{island['plot']['counts']}", timeout=30)
    assert "immutable" in found.headers["cache-control"]
    assert found.json()["series"][0]["name"] == "All Fields"
    assert requests.get(f"{base}/earnings/plot/0", timeout=30).headers["cache-control"] == "no-cache"
    refused = requests.get(f"{base}/loan/plot/0", timeout=30)
    assert refused.status_code == 404
    assert refused.json()["type"].endswith("no-plot")
