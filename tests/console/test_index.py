"""The index page: every model with its state and figures, found among many, true while it is open, with and without a script."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

import serving
from console.accessibility import axe
from console.guards import size_on_the_wire
from console.pictures import keep_state
from serving import Gateway

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROBE = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>\u2028$`'
#: Cards of a page, and routes that need three pages.
CARDS, ROUTES = 60, 130
SORTS = ("path", "state", "requests", "p95", "errors", "")


def registry(folder: Path, count: int = ROUTES) -> str:
    """Return a registry of so many lazy routes; the first has a description that would run if it were no text."""
    (folder / "m.stub").write_text(json.dumps({"inputs": ["x"]}))
    entry = f"{{artifact: {folder}/m.stub, load: lazy}}"
    lines = [f"  /m{number}: {entry}" for number in range(1, count)]
    first = f"  /m0: {{artifact: {folder}/m.stub, load: lazy, description: {json.dumps(PROBE)}}}"
    return "\n".join(["version: 1", "routes:", first, *lines]) + "\n" if count else "version: 1\nroutes: {}\n"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve the routes of three pages."""
    folder = tmp_path_factory.mktemp("many")
    with serving.running(folder, cache, registry(folder), workers=1) as server:
        yield server


@pytest.fixture
def edited(many: Gateway) -> Iterator[Callable[[str], None]]:
    """Return a function that saves a registry; the first one stands again, and serves, after the test."""
    text, before = many.registry.read_text(), many.health()["generation"]

    def save(registry: str) -> None:
        many.registry.write_text(registry)

    yield save
    save(text)
    serving.until(lambda: many.health()["generation"] == before, what="the first registry")
    serving.until(lambda: many.health()["reload"]["result"] != "refused", what="a reload that is not refused")


def url(server: Gateway, path: str = "/") -> str:
    """Return the address of a page."""
    return f"http://127.0.0.1:{server.port}{path}"


def names(page: Page) -> list[str]:
    """Return the models of the cards that are shown, in their order."""
    found: list[str] = page.locator("#routes .model").evaluate_all("all => all.map(card => card.dataset.name)")
    return found


def opened(page: Page, server: Gateway, path: str = "/") -> Page:
    """Open the page with a clock that only `beat` moves, and wait until its first figures are drawn."""
    page.clock.install()
    page.goto(url(server, path))
    expect(page.locator("body[data-watched]")).to_be_attached()
    return page


def beat(page: Page, ms: int = 5_000) -> None:
    """Let so much time pass on the page, and some for the answers to what it asked."""
    page.clock.run_for(ms)
    page.wait_for_timeout(100)


def until(page: Page, happens: Callable[[], Any], what: str) -> None:
    """Let the page beat until something is seen on it."""

    def look() -> Any:
        beat(page)
        return happens()

    serving.until(look, what=what)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (HTML["Accept"], True),
        ("text/html", True),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", True),  # Java's HttpURLConnection
        ("*/*", False),  # curl, fetch, requests
        (None, False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html;q=0.5, application/json", False),
    ],
)
def test_html_is_for_who_asks_for_it(many: Gateway, accept: str | None, is_page: bool) -> None:
    """Programs get the catalog as ever; caches are told what the answer depends on."""
    answer = many.get("/", {"Accept": accept} if accept else None)
    assert (answer.status, answer.headers["content-type"].startswith("text/html")) == (200, is_page)
    assert "Accept" in answer.headers["vary"]
    if not is_page:
        assert len(answer.json["routes"]) == ROUTES
    assert many.get("/", {"Accept": accept or "*/*", "If-None-Match": answer.headers["etag"]}).status == 304


def test_the_data_of_the_page_are_json_and_small(many: Gateway) -> None:
    """GET /console lists every route in the order of the registry for a script, and leads a browser to the page."""
    answer = many.get("/console")
    assert [route["name"] for route in answer.json["routes"]] == [f"m{number}" for number in range(ROUTES)]
    assert answer.json["routes"][0] == {"name": "m0", "path": "/m0", "description": PROBE, "problem": ""}
    assert set(answer.json["reload"]) == {"result", "at", "faults", "reason"}
    led = many.get("/console", HTML)
    assert (led.status, led.headers["location"]) == (302, "/")


def test_cards_show_every_model_and_follow_its_figures(five: Gateway, page: Page, look: Callable[..., None]) -> None:
    """Each card leads to its pages and tells state, version and figures; these change while nobody touches the page."""
    opened(page, five)
    catalog = five.get("/routes").json["routes"]
    assert names(page) == [route["name"] for route in catalog]
    for route in catalog:
        card = page.locator(f".model[data-name={route['name']}]")
        expect(card.locator("[data-slot=description]")).to_have_text(route["description"])
        expect(card.locator("[data-slot=version]")).to_have_text(route["version"])
        expect(card.locator(".badge")).to_have_text("ready")
        links = card.locator(".links a").evaluate_all("all => all.map(link => link.pathname)")
        console = f"/console/{route['name']}"
        assert links == [console, f"{console}/batch", f"{console}/model"]
        assert [five.get(link, HTML).status for link in links] == [200] * 3
    loan = page.locator(".model[data-name=loan]")
    before = five.get("/health?figures").json["routes"]["loan"]["requests"]
    for _ in range(3):
        five.get("/loan", area="nowhere")
    # A worker counts a request once it is answered.
    until(page, lambda: loan.locator("[data-slot=requests]").text_content() == f"{before + 3:,}", "three requests more")
    expect(loan.locator("[data-slot=p95]")).to_contain_text(" ms")
    expect(loan.locator("[data-slot=errors]")).to_have_text("0.0 %")
    expect(page.locator("#summary")).to_have_text("5 models · 5 ready")
    axe(page)
    look(page, "index")


@pytest.mark.slow
def test_dark_and_narrow(five: Gateway, dark_page: Page, phone_page: Page, look: Callable[..., None]) -> None:
    """In dark colours nothing loses its contrast, and at 320 px nothing is wider than the window."""
    opened(dark_page, five)
    axe(dark_page)
    look(dark_page, "index dark")
    phone_page.goto(url(five))
    look(phone_page, "index phone")
    for width in (390, 320):
        phone_page.set_viewport_size({"width": width, "height": 800})
        assert phone_page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_hidden_tab_asks_for_nothing(many: Gateway, page: Page) -> None:
    """While nobody looks no request is sent, and the first look brings new figures at once."""
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => window.isHidden ?? false})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "health?figures" in request.url else None)
    opened(page, many)
    with page.expect_request_finished(lambda request: "health?figures" in request.url):
        page.clock.run_for(5_000)
    expect(page.locator("#routes .model")).to_have_count(CARDS)
    before = len(asked)
    assert before == 2
    tell = "hidden => { window.isHidden = hidden; document.dispatchEvent(new Event('visibilitychange')) }"
    page.evaluate(tell, True)
    beat(page, 60_000)
    assert len(asked) == before
    with page.expect_response(lambda answer: "health?figures" in answer.url):
        page.evaluate(tell, False)
    assert len(asked) == before + 1


def test_a_search_finds_while_one_types(many: Gateway, page: Page, look: Callable[..., None]) -> None:
    """Cards are found by words of name, path, description and state; the address keeps the search; nothing reloads."""
    opened(page, many)
    assert names(page) == [f"m{number}" for number in range(CARDS)]
    page.evaluate("window.isSame = true")
    page.locator("#q").press_sequentially("M12")
    page.clock.run_for(200)
    expect(page.locator("#summary")).to_have_text("11 of 130 models")
    assert names(page) == ["m12", *(f"m{number}" for number in range(120, 130))]
    expect(page).to_have_url(url(many, "/?q=M12"))
    look(page, "index search")
    page.locator("#q").fill("onerror idle")
    page.clock.run_for(200)
    expect(page.locator("#summary")).to_have_text("1 of 130 models")
    expect(page.locator(".model .about")).to_have_text(PROBE.replace("\u2028", " "))
    page.locator("#q").fill("nothing like it")
    page.clock.run_for(200)
    expect(page.locator("#summary")).to_have_text("0 of 130 models")
    page.locator("#q").fill("")
    page.clock.run_for(200)
    expect(page.locator("#routes .model")).to_have_count(CARDS)
    expect(page).to_have_url(url(many))
    assert page.evaluate("window.isSame")


@pytest.mark.slow
def test_pages_and_orders_are_the_same_without_a_script(many: Gateway, page: Page, no_script_page: Page) -> None:
    """Each order, each page and each search shows the same cards in the same words, drawn by server or script."""
    for number in (3, 3, 7, 90):
        many.get(f"/m{number}", x=1)
    opened(page, many)
    for sort in SORTS:
        page.select_option("#sort", sort)
        expect(page).to_have_url(url(many, f"/?sort={sort}" if sort else "/"))
        no_script_page.goto(page.url)
        assert names(page) == names(no_script_page)
    for query in ("?page=3", "?q=m1&page=2", "?q=m1&sort=path", "?q=zzz", "?page=99&sort=nonsense"):
        page.goto(url(many, f"/{query}"))
        expect(page.locator("body[data-watched]")).to_be_attached()
        no_script_page.goto(url(many, f"/{query}"))
        for place in ("#summary", "#pages", "#reloaded", "#routes"):
            assert page.locator(place).inner_text() == no_script_page.locator(place).inner_text(), (query, place)
    no_script_page.goto(url(many))
    no_script_page.get_by_role("link", name="Next").click()
    assert names(no_script_page)[0] == "m60"
    no_script_page.fill("#q", "m129")
    no_script_page.get_by_role("button", name="Search").click()
    assert names(no_script_page) == ["m129"]


@pytest.mark.pictured
def test_a_refused_edit_is_shown_whole_and_goes_when_mended(
    many: Gateway,
    edited: Callable[[str], None],
    page: Page,
    no_script_page: Page,
    tmp_path: Path,
    look: Callable[..., None],
) -> None:
    """
    Its faults stand on the open page with place and fix, as the command line prints them; what served goes on.

    The next edit is not refused: a registry without models, whose page says how to add one.
    """
    opened(page, many)
    text = many.registry.read_text()
    edited(text.replace("/m3: {artifact", "/m3: {artefact"))
    box = page.locator("#reload")
    until(page, box.is_visible, "the refusal")
    expect(box).to_contain_text("The last reload was refused: 2 faults")
    expect(box.locator("pre")).to_contain_text("registry.yaml:6:")
    expect(box.locator("pre")).to_contain_text("fix: did you mean 'artifact'?")
    assert box.locator("pre").inner_text().strip() == many.health()["reload"]["reason"].strip()
    assert len(names(page)) == CARDS
    axe(page)
    look(page, "index refused")
    keep_state(page, "state-refused", "#reload")
    no_script_page.goto(url(many))
    assert no_script_page.locator("#reload").inner_text() == box.inner_text()
    edited(registry(tmp_path, 0))
    until(page, page.locator("#none").is_visible, "the empty page")
    expect(box).to_be_hidden()
    expect(page.locator("#none pre")).to_contain_text("gateway add")
    assert (names(page), page.locator("#search").is_visible()) == ([], False)
    axe(page)
    look(page, "index empty")


@pytest.mark.slow
def test_models_come_fail_and_go_under_the_open_page(
    many: Gateway, edited: Callable[[str], None], page: Page, tmp_path: Path, look: Callable[..., None]
) -> None:
    """The page of a registry without models shows what is added, with the reason and the fix if it fails."""
    opened(page, many)
    text = many.registry.read_text()
    edited(registry(tmp_path, 0))
    until(page, page.locator("#none").is_visible, "the empty page")
    edited("\n".join(text.splitlines()[:5]) + "\n")
    until(page, lambda: names(page) == ["m0", "m1", "m2"], "three models")
    expect(page.locator("#none")).to_be_hidden()
    expect(page.locator("#generation")).to_have_text(many.health()["generation"][:12])
    (tmp_path / "odd.stub").write_text(json.dumps({"inputs": ["x"], "load_raise": "its file is torn"}))
    edited("\n".join(text.splitlines()[:5]) + f"\n  /odd: {{artifact: {tmp_path}/odd.stub}}\n")
    until(page, page.locator("#reload").is_visible, "the refusal")
    many.command("reload", "--force")
    odd = page.locator(".model[data-name=odd]")
    until(page, odd.is_visible, "a model that does not serve")
    expect(odd.locator(".badge")).to_have_text("failed")
    expect(odd.locator(".why")).to_contain_text("its file is torn")
    expect(page.locator("#summary")).to_have_text("4 models · 3 idle · 1 failed")
    axe(page)
    look(page, "index failed")


def test_a_gateway_that_does_not_answer_is_waited_for(
    five: Gateway, page: Page, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """The page says so, keeps the last figures, and goes on by itself."""
    opened(page, five)
    expect_console_error("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    beat(page)
    expect(page.locator("#state")).to_contain_text("The gateway does not answer")
    beat(page, 1_000)
    expect(page.locator("#state .retry")).to_contain_text("tries again by itself in 2 s")
    axe(page)
    look(page, "index unreachable")
    page.context.set_offline(False)
    beat(page)
    expect(page.locator("#state")).to_be_hidden()
    expect(page.locator(".model")).to_have_count(5)


@pytest.mark.slow
def test_without_a_model_and_without_console(
    gateway: Callable[..., Gateway], page: Page, look: Callable[..., None]
) -> None:
    """An empty registry has a page that says how to add a model; `server.console: false` brings back what was at /."""
    server = gateway("version: 1\nroutes: {}\n", workers=1)
    opened(page, server)
    expect(page.locator("#none pre")).to_contain_text("gateway add my-model.skops --route /my-model")
    assert (names(page), page.locator("#search").is_visible()) == ([], False)
    axe(page)
    look(page, "index empty")
    server.registry.write_text("version: 1\nserver: {console: false}\nroutes: {}\n")
    serving.until(lambda: server.get("/console").status == 404, what="the switch")
    led = server.get("/", HTML)
    assert (led.status, led.headers["location"]) == (302, "/docs")
    assert server.get("/").json["routes"] == []
    assert server.get("/console").json["type"].endswith("console-off")


@pytest.mark.slow
def test_a_thousand_models(
    gateway: Callable[..., Gateway],
    tmp_path: Path,
    page: Page,
    figures: Callable[[str], None],
    look: Callable[..., None],
) -> None:
    """The page of 1,000 models is found, searched and ordered within the budget of any page: 16 requests, 60 KB."""
    server = gateway(registry(tmp_path, 1_000), workers=2)
    sent: list[Request] = []

    def note(request: Request) -> None:
        sent.append(request)

    page.on("request", note)
    opened(page, server)
    page.wait_for_timeout(200)
    size = sum(map(size_on_the_wire, sent))
    figures(f"1,000 models: {len(sent)} requests, {size:,} bytes as sent")
    assert len(sent) <= 16
    assert size <= 60_000
    expect(page.locator("#pages")).to_contain_text("page 1 of 17")
    page.locator("#q").fill("m99")
    page.clock.run_for(200)
    expect(page.locator("#summary")).to_have_text("11 of 1,000 models")
    axe(page)
    look(page, "index of 1,000")
