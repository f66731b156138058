"""What a console page was asked for stands in no log."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from serving import Gateway, until

#: Numbers that occur nowhere else.
LINK, FORM, TYPED = "117.8215", "118.4273", "119.6391"
ROW = "times_pregnant=1&blood_pressure=70&skin_fold_thick=28&serum_insulin=135&mass_index=34.2&diabetes_pedigree=0.1&age=22"


def test_no_log_holds_what_was_sent(five: Gateway) -> None:
    """The access line of a link has its path without the query; neither link nor form leaves a value anywhere."""
    link = five.get(f"/console/diabetes?{ROW}&glucose={LINK}")
    form = five.form("/console/diabetes", **dict(pair.split("=") for pair in f"{ROW}&glucose={FORM}".split("&")))
    refused = five.get(f"/console/diabetes?glucose={LINK}x")
    assert (link.status, form.status, refused.status) == (200, 200, 400)
    ids = {answer.headers["x-request-id"] for answer in (link, form, refused)}

    def told() -> list[dict[str, Any]]:
        return [event for event in five.events("request") if event["request_id"] in ids]

    lines = until(lambda: len(told()) == len(ids) and told(), what="an access line for each")
    assert {(line["route"], line["method"], line["code"]) for line in lines} == {
        ("/diabetes", "GET", 200),
        ("/diabetes", "POST", 200),
        ("/diabetes", "GET", 400),
    }
    text = five.log.read_text()
    assert LINK not in text
    assert FORM not in text


@pytest.mark.slow
def test_no_log_holds_what_was_typed_into_an_open_page(page: Page, no_script_page: Page, five: Gateway) -> None:
    """Typed, loaded again, opened as a link without a script: one answer, and what was typed stands in no log."""
    page.goto(f"http://127.0.0.1:{five.port}/console/diabetes")
    expect(page.locator("#json")).not_to_be_empty()
    before = page.locator("#json").text_content() or ""
    page.locator("[name=glucose]").fill(TYPED)
    expect(page.locator("#json")).not_to_have_text(before)
    expect(page).to_have_url(re.compile(f"#.*glucose={TYPED}"))
    number = page.locator("#json").text_content() or ""
    page.reload()
    expect(page.locator("#json")).to_have_text(number)
    no_script_page.goto(page.url.replace("#", "?"))
    expect(no_script_page.locator("#json")).to_have_text(number)
    expect(no_script_page.locator("[name=glucose]")).to_have_value(TYPED)
    assert TYPED not in five.log.read_text()
