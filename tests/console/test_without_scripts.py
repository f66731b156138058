"""The console without JavaScript: every page is there, forms answer, files download."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console.visiting import too_wide
from serving import Gateway

ROUTES = ("sentiment", "diabetes", "loan", "earnings", "insurance")
#: A text, and levels beside numbers.
SHORT = ("sentiment", "loan")


@pytest.fixture
def origin(five: Gateway) -> str:
    """Return where the five models are served."""
    return f"http://127.0.0.1:{five.port}"


@pytest.mark.parametrize("name", [one if one in SHORT else pytest.param(one, marks=pytest.mark.slow) for one in ROUTES])
def test_a_form_answers_as_the_route_does(
    no_script_page: Page, look: Callable[..., None], five: Gateway, origin: str, name: str
) -> None:
    """From the index by links: the form stands filled, one press shows what the API answers to the same values."""
    page = no_script_page
    page.goto(origin)
    page.locator(f"a[href='/console/{name}']").first.click()
    expect(page.locator("h1")).to_contain_text(f"/{name}")
    page.locator("#predict").click()
    shown = json.loads(page.locator("#json").text_content() or "")
    sample = json.loads(page.locator("script#route").text_content() or "")["inputs"]
    expected = five.post(f"/{name}", sample).json
    assert shown == expected
    assert page.locator("#value, #values").count() == 1
    look(page, f"no-script-{name}")


def test_what_is_wrong_is_said_at_its_field(
    no_script_page: Page, expect_console_error: Callable[[str], None], look: Callable[..., None], origin: str
) -> None:
    """A value out of range stays in its box with the rule beside it, and is answered once it is mended."""
    page = no_script_page
    expect_console_error("status of 400 .*/console/diabetes")
    page.goto(f"{origin}/console/diabetes")
    page.locator("[name=glucose]").fill("-5")
    page.locator("#predict").click()
    expect(page.locator(".field[data-field=glucose] .fault")).to_contain_text("below the minimum 0")
    expect(page.locator("[name=glucose]")).to_have_value("-5")
    expect(page.locator("[name=glucose]")).to_have_attribute("aria-invalid", "true")
    look(page, "no-script-fault")
    assert too_wide(page, [320]) == []
    page.locator("[name=glucose]").fill("120")
    page.locator("#predict").click()
    expect(page.locator("#value")).not_to_be_empty()
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)


def test_a_file_is_chosen_and_the_answers_download(
    no_script_page: Page, five: Gateway, origin: str, tmp_path: Path
) -> None:
    """A CSV goes in by a plain form, and each row comes back with its answer."""
    page = no_script_page
    sample = next(one for one in five.get("/routes").json["routes"] if one["name"] == "loan")["sample"]
    rows = [sample | {"loanamount": amount} for amount in (1_000, 20_000, 45_000)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([",".join(sample), *(",".join(str(value) for value in row.values()) for row in rows)]))
    page.goto(f"{origin}/console/loan/batch")
    page.locator("input[type=file]").set_input_files(path)
    with page.expect_download() as download:
        page.locator("button[name=format][value=json]").click()
    found = json.loads(Path(download.value.path()).read_text())
    assert found == five.post("/loan?_on_error=skip", {"instances": rows}).json


@pytest.mark.parametrize("name", ["insurance", pytest.param("earnings", marks=pytest.mark.slow)])
def test_the_model_page_is_whole(no_script_page: Page, origin: str, name: str) -> None:
    """Card, signature and version stand in the page itself."""
    page = no_script_page
    page.goto(f"{origin}/console/{name}/model")
    text = page.locator("main").inner_text()
    first = "Gender" if name == "insurance" else "SAT_AVG_ALL"
    assert first in text and "sha256" in text.lower()
