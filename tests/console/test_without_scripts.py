"""The console without JavaScript: every page is there, forms answer, files download."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from console.visiting import too_wide
from serving import Gateway

ROUTES = ("sentiment", "diabetes", "loan", "earnings", "insurance")


@pytest.fixture
def origin(five: Gateway) -> str:
    """Return where the five models are served."""
    return f"http://127.0.0.1:{five.port}"


@pytest.mark.parametrize("name", ROUTES)
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
