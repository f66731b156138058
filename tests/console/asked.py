"""
What a page asked for because of one action, told apart from all else that it asks by itself. States no law.

Beside the one prediction of its button a page asks for curves, figures, explanations, its own modules and heartbeats.
"""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from serving import until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page, Request

#: Gives what a function of a module of the page returns; the address of its entry script says where the module is.
_CALL: Final = """([module, name]) =>
    import(document.querySelector('script[type=module]').src.replace(/[^/]+$/, module)).then(found => found[name]())"""

#: Notes every text of an element from now on.
_LISTEN: Final = """element => {
    element.said = []
    new MutationObserver(() => element.said.push(element.textContent))
        .observe(element, { childList: true, characterData: true, subtree: true })
}"""


def is_prediction(request: "Request") -> bool:
    """Say whether a request predicts what stands in a form: one JSON object; curves send a list, checks and batches a file."""
    is_json = request.method == "POST" and request.headers.get("content-type") == "application/json"
    return is_json and isinstance(request.post_data_json, dict)


def predictions(requests: "Iterable[Request]") -> "list[Request]":
    """Return those of the requests that are predictions."""
    return [one for one in requests if is_prediction(one)]


def of_page(page: "Page", module: str, name: str) -> Any:
    """Return what a function without arguments of a module of the page gives."""
    return page.evaluate(_CALL, [module, name])


def shown_json(page: "Page") -> Any:
    """Return the answer that the page shows as JSON."""
    return json.loads(page.locator("#json").text_content() or "null")


def predicted_by(page: "Page", press: Callable[[], None]) -> Any:
    """Press the button of a form; return what was sent for it once its answer is shown, whatever is under way before."""
    until(lambda: not of_page(page, "predict.js", "busy"), what="the end of the predictions before")
    with page.expect_response(lambda answer: is_prediction(answer.request) and answer.ok) as answered:
        press()
    answer = answered.value.json()["answer"]
    until(lambda: shown_json(page) == answer, what="the answer on the page")
    return answered.value.request.post_data_json


def choose_by(page: "Page", press: Callable[[], None], file: "Path") -> None:
    """Choose a file in the dialog that an action opens."""
    # Playwright does not wait for the browser to take its first listener: what is pressed at once would open nothing.
    page.on("filechooser", _ignore)
    page.title()
    with page.expect_file_chooser() as chooser:
        press()
    chooser.value.set_files(file)


def _ignore(_: Any) -> None:
    """Take notice of nothing."""


def says(one: "Locator", press: Callable[[], None], text: str) -> None:
    """Do something, and wait until an element has said a text, even if it does so for a moment that no look would meet."""
    one.evaluate(_LISTEN)
    press()
    until(lambda: text in one.evaluate("element => element.said"), what=f"the text {text!r}")
