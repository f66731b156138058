"""States of an open page: each has its own words and a way out, and the page recovers without anybody's hand."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import playwright.sync_api as playwright
import pytest
from playwright.sync_api import Page, expect

import serving
from console.guards import Guards
from console.pictures import keep_state
from console.seen import seen_well
from serving import Gateway

pytestmark = pytest.mark.pictured

#: What the model does hangs on its input: numbers, a failure, a second of work, or five.
CODE = """
import time


def predict(x: float, y: float = 0.0) -> float:
    if x == 66:
        raise ValueError("this model fails at 66")
    if x > 90:
        time.sleep(x - 90)
    return 2 * x + y
"""
HEAD = "version: 1\nroutes:\n"
ROUTE = (
    "  /double: {{artifact: {folder}/model.py, timeout_s: 1, max_concurrency: 1, max_queue: 0, trial: 'off',"
    " inputs: {{x: {{minimum: 0, examples: [1]}}, y: {y}}}}}\n"
)
OTHER = "  /other: {{artifact: {folder}/other.py}}\n"
PLAIN = "{minimum: 0, maximum: 10, examples: [0]}"
#: The input y may now be 5 at most.
NARROW = "{minimum: 0, maximum: 5, examples: [0]}"
BROKEN = "raise RuntimeError('no licence')\n"


class Edited:
    """A gateway whose registry a test edits."""

    def __init__(self, folder: Path, server: Gateway) -> None:
        self.folder = folder
        self.server = server

    def write(self, text: str, *, refused: bool = False) -> None:
        """Write the registry and reload it."""
        self.server.registry.write_text(HEAD + text)
        done = self.server.command("reload")
        assert (done.returncode != 0) is refused, done.stdout + done.stderr

    def route(self, y: str = PLAIN) -> str:
        """Return the entry of the route with some rule of its second input."""
        return ROUTE.format(folder=self.folder, y=y)

    def other(self) -> str:
        """Return the entry of a second route."""
        return OTHER.format(folder=self.folder)

    def reset(self) -> None:
        """Serve the first registry again."""
        self.write(self.route() + self.other())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Edited]:
    """Serve the model above by one worker for all tests of this file."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "model.py").write_text(CODE)
    (folder / "other.py").write_text("def predict(z: float) -> float:\n    return z\n")
    text = HEAD + ROUTE.format(folder=folder, y=PLAIN) + OTHER.format(folder=folder)
    with serving.running(folder, cache, text, workers=1, watch="false") as server:
        yield Edited(folder, server)


def open_double(page: Page, server: Gateway, fragment: str = "#x=3&y=1") -> None:
    """Open the try page with values and see its answer."""
    page.goto(f"http://127.0.0.1:{server.port}/console/double{fragment}")
    expect(page.locator("body[data-watched]")).to_be_attached()
    expect(page.locator("#value")).to_have_text("7" if fragment == "#x=3&y=1" else re.compile("."))


def write(page: Page, name: str, value: str) -> None:
    """Write a number into the box of an input."""
    page.locator(f"[data-field={name}] input[type=number]").fill(value)


def state(page: Page, kind: str) -> None:
    """See a state: its own words are visible."""
    expect(page.locator(f"#state[data-kind={kind}]")).to_be_visible()


@pytest.mark.slow
def test_a_slow_answer_says_that_it_is_awaited(
    page: Page, guards: list[Guards], served: Edited, look: Callable[..., None]
) -> None:
    """After a quarter of a second the page says that it waits, until the answer; so slow a model is asked for no curves."""
    open_double(page, served.server)
    expect(page.locator("[data-field=y] svg")).to_be_visible()
    held: list[playwright.Route] = []

    def hold(route: playwright.Route) -> None:
        held.append(route)

    page.route("**/double?*", hold)
    write(page, "x", "90.7")
    state(page, "waiting")
    keep_state(page, "state-waiting")
    seen_well(page, look, "state-waiting")
    held[0].continue_()
    page.unroute("**/double?*")
    expect(page.locator("#value")).to_have_text("182.4")
    expect(page.locator("#state")).to_be_hidden()
    expect(page.locator("#whatif-table")).to_contain_text("the model is too slow")
    assert len([one for one in guards[0].requests if "_on_error=skip" in one.url]) == 1


@pytest.mark.slow
def test_an_invalid_input_is_named(page: Page, served: Edited, look: Callable[..., None]) -> None:
    """The page counts the inputs that cannot be used, sends nothing, and goes on with the next good value."""
    open_double(page, served.server)
    write(page, "x", "-1")
    state(page, "invalid")
    expect(page.locator("#state")).to_contain_text("1 input cannot be used")
    seen_well(page, look, "state-invalid")
    keep_state(page, "state-invalid")
    write(page, "x", "10")
    expect(page.locator("#value")).to_have_text("21")
    expect(page.locator("#state")).to_be_hidden()


def test_a_failing_model_is_told_with_the_request(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """A model that raises at some inputs says under which id its log has the cause; other inputs end the state."""
    expect_console_error(r"500 .*/double")
    open_double(page, served.server)
    write(page, "x", "66")
    state(page, "error")
    expect(page.locator("#state")).to_contain_text("request id")
    seen_well(page, look, "state-error")
    keep_state(page, "state-error")
    write(page, "x", "10")
    expect(page.locator("#value")).to_have_text("21")
    expect(page.locator("#state")).to_be_hidden()


@pytest.mark.slow
def test_overload_is_counted_down_and_tried_again(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """While another client holds the route the page says so and when it tries again; then the answer comes by itself."""
    expect_console_error(r"503 .*/double")
    open_double(page, served.server)
    stop = threading.Event()

    def hold() -> None:
        connection = served.server.connect()
        while not stop.is_set():
            connection.request("GET", "/double?x=90.9")

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        serving.until(lambda: _sees(page, "overloaded"), what="the overload")
        expect(page.locator("#state .retry")).to_contain_text(re.compile(r"tries again by itself (in \d+ s|now)"))
        seen_well(page, look, "state-overloaded")
        keep_state(page, "state-overloaded")
    finally:
        stop.set()
        holder.join()
    expect(page.locator("#state")).to_be_hidden()


def _sees(page: Page, kind: str) -> bool:
    """Change an input until the page shows a state: which of two requests comes first is chance."""
    box = page.locator("[data-field=y] input[type=number]")
    box.fill("2" if box.input_value() == "1" else "1")
    page.wait_for_timeout(300)
    return page.locator(f"#state[data-kind={kind}]").count() > 0


@pytest.mark.slow
def test_a_deadline_is_told_and_backed_off(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """A model that takes longer than the route allows: the page says so, and other inputs are answered."""
    expect_console_error(r"50[34] .*/double")
    open_double(page, served.server)
    write(page, "x", "92.5")
    state(page, "deadline")
    seen_well(page, look, "state-deadline")
    keep_state(page, "state-deadline")
    write(page, "x", "10")
    expect(page.locator("#value")).to_have_text("21")
    expect(page.locator("#state")).to_be_hidden()


@pytest.mark.slow
def test_a_reload_with_the_same_inputs_is_told_and_predicted_anew(
    page: Page, served: Edited, look: Callable[..., None]
) -> None:
    """An idle page notices a new generation by itself, says that its form still fits, and shows the new answer."""
    open_double(page, served.server)
    (served.folder / "model.py").write_text(CODE.replace("2 * x", "3 * x"))
    try:
        served.reset()
        state(page, "generation")
        expect(page.locator("#value")).to_have_text("10")
        seen_well(page, look, "state-generation")
        keep_state(page, "state-generation")
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator("#state")).to_be_hidden()
    finally:
        (served.folder / "model.py").write_text(CODE)
        served.reset()


@pytest.mark.slow
def test_a_reload_with_other_inputs_keeps_what_fits(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """
    The page is loaded anew with its values; the one that no longer fits is kept, marked and named.

    The answer to the next change tells of the new generation, whether it fits or not.
    """
    expect_console_error(r"400 .*/double")
    open_double(page, served.server, "#x=3&y=7")
    try:
        served.write(served.route(NARROW) + served.other())
        write(page, "y", "8")
        state(page, "changed")
        expect(page.locator("[data-field=x] input[type=number]")).to_have_value("3")
        expect(page.locator("[data-field=y] input[type=number]")).to_have_value("8")
        expect(page.locator("[data-field=y] .fault")).to_be_visible()
        expect(page.locator("#state")).to_contain_text("marked: y")
        seen_well(page, look, "state-changed")
        keep_state(page, "state-changed")
        write(page, "y", "5")
        expect(page.locator("#value")).to_have_text("11")
    finally:
        served.reset()


@pytest.mark.slow
def test_a_refused_edit_leaves_the_page_as_it_is(page: Page, served: Edited) -> None:
    """A registry that is refused changes nothing for an open page."""
    open_double(page, served.server)
    try:
        served.write(served.route() + "  /broken: {artifact: missing.onnx}\n", refused=True)
        write(page, "x", "10")
        expect(page.locator("#value")).to_have_text("21")
        expect(page.locator("#state")).to_be_hidden()
    finally:
        served.reset()


@pytest.mark.slow
def test_a_removed_route_is_told_and_comes_back(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """The page says that the route is gone and where the others are; when the route is there again it goes on."""
    expect_console_error(r"404 .*/(console/)?double")
    open_double(page, served.server)
    try:
        served.write(served.other())
        state(page, "gone")
        expect(page.get_by_role("link", name="All models")).to_be_visible()
        seen_well(page, look, "state-gone")
        keep_state(page, "state-gone")
    finally:
        served.reset()
    state(page, "generation")
    expect(page.locator("#value")).to_have_text("7")


@pytest.mark.slow
def test_a_route_that_failed_serves_again(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """A route that does not serve says why and how to mend it; once it is mended the page has its form and its answer."""
    expect_console_error(r"503 .*/mended")
    mended = served.folder / "mended.py"
    mended.write_text(BROKEN)
    entry = f"  /mended: {{artifact: {mended}}}\n"
    try:
        served.server.registry.write_text(HEAD + served.route() + served.other() + entry)
        served.server.command("reload", "--force")
        serving.until(lambda: "/mended" in served.server.health()["routes"], what="the new route")
        page.goto(f"http://127.0.0.1:{served.server.port}/console/mended")
        state(page, "failed")
        expect(page.locator("#state")).to_contain_text("no licence")
        seen_well(page, look, "state-failed")
        keep_state(page, "state-failed")
        mended.write_text("def predict(z: float = 4.0) -> float:\n    return z\n")
        served.write(served.route() + served.other() + entry)
        expect(page.locator("[data-field=z]")).to_be_visible()
        expect(page.locator("#value")).to_have_text(re.compile(r"\d"))
    finally:
        served.reset()


@pytest.mark.slow
def test_a_gateway_that_stops_and_starts_again(
    page: Page, served: Edited, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """An idle page notices that nobody answers and counts down its tries; when the gateway is back, it goes on."""
    expect_console_error(r"ERR_|50\d ")
    open_double(page, served.server)
    served.server.stop()
    state(page, "unreachable")
    expect(page.locator("#state .retry")).to_contain_text("tries again by itself")
    seen_well(page, look, "state-unreachable")
    keep_state(page, "state-unreachable")
    served.server.start().wait()
    expect(page.locator("#state[data-kind=unreachable]")).to_have_count(0)
    write(page, "x", "10")
    expect(page.locator("#value")).to_have_text("21")
