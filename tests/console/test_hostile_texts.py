"""Texts of the registry and of a link are texts: whatever they look like, no page takes them for code."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from playwright.sync_api import Page, expect

import serving
from console.accessibility import axe
from console.conftest import OpenPage
from console.visiting import addresses, too_wide, visit
from serving import Gateway

#: Each one would run or draw something if it were taken for HTML, an attribute, a script, an address or Markdown.
PROBES = (
    "</script><script>document.title='pwned'</script>",
    '"><img src=x onerror="document.title=\'pwned\'">',
    "'><svg onload=document.title='pwned'>",
    "javascript:document.title='pwned'",
    "[click](javascript:document.title='pwned') ![x](http://elsewhere.example/x.png) <b>bold</b>",
    "line\u2028end\u2029 ${document.title='pwned'} {{ 7 * 7 }} {% raw %}",
    "quotes ' \" ` \\ &quot; <!-- --> ]]> \u202e reversed",
)
SCRIPT, IMAGE, VECTOR, ADDRESS, MARKDOWN, LINES, QUOTES = PROBES
#: What no page may hold: an element that only a probe brings, or an address that runs.
_TAKEN = """() => [
    ...document.querySelectorAll('img[src="x"], svg[onload], b, img[src*="elsewhere"], script:not([src]):not([type="application/json"])'),
    ...[...document.querySelectorAll('[href], [src], [action]')].filter(element =>
        ['href', 'src', 'action'].some(name => /^\\s*(javascript|vbscript):/i.test(element.getAttribute(name) || ''))),
    ...[...document.querySelectorAll('*')].filter(element => [...element.attributes].some(one => /^on/i.test(one.name))),
].map(element => element.outerHTML.slice(0, 200))"""


def registry(folder: Path) -> str:
    """Write a model whose every text is a probe, and a registry of it."""
    models = folder / "models"
    models.mkdir()
    (models / "m.stub").write_text(
        json.dumps(
            {
                "inputs": [
                    *({"name": probe} for probe in PROBES),
                    {"name": "level", "type": "string", "enum": list(PROBES)},
                    {"name": "note", "type": "string"},
                ],
                "output": {"kind": "classification", "labels": list(PROBES), "has_probabilities": True},
            }
        )
    )
    inputs: dict[str, object] = {
        probe: {"minimum": 0, "maximum": 10, "unit": probe, "title": probe, "description": probe, "examples": [1]}
        for probe in PROBES
    }
    inputs["level"] = {"description": MARKDOWN, "examples": [IMAGE]}
    inputs["note"] = {"examples": list(PROBES), "title": SCRIPT}
    (models / "README.md").write_text("\n\n".join(["# Card", *PROBES, f"[link]({ADDRESS})", f"`{IMAGE}`"]))
    route = {
        "artifact": "models/m.stub", "description": " ".join(PROBES), "version": QUOTES, "inputs": inputs, "aliases": ["/other"],
    }  # fmt: skip
    return yaml.safe_dump({"version": 1, "routes": {"/m": route}}, sort_keys=False, allow_unicode=True)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve that model."""
    folder = tmp_path_factory.mktemp("hostile")
    with serving.running(folder, cache, registry(folder), workers=1) as server:
        yield server


def is_inert(page: Page) -> None:
    """Fail where a probe became an element or an address, or ran: each sets the title."""
    assert page.evaluate(_TAKEN) == []
    assert page.title() != "pwned"


@pytest.mark.parametrize("label", addresses("", ["m"]))
def test_probes_are_inert_on_every_page(page: Page, hostile: Gateway, label: str) -> None:
    """Names, levels, labels, units, titles, descriptions, examples, versions and cards are drawn as they are written."""
    visit(page, addresses(f"http://127.0.0.1:{hostile.port}", ["m"])[label])
    is_inert(page)
    if label == "try m":
        shown = page.locator("#form").inner_text()
        assert [probe for probe in (SCRIPT, IMAGE, VECTOR, ADDRESS, MARKDOWN) if probe not in shown] == []
    axe(page)
    assert too_wide(page, [320]) == []


@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["scripts", "no scripts"]
)
def test_probes_of_a_link_are_inert(
    open_page: OpenPage, expect_console_error: Callable[[str], None], hostile: Gateway, has_scripts: bool
) -> None:
    """Values, unknown names and unknown levels of a link are shown as they are written, marked, and nothing else."""
    page = open_page(java_script_enabled=has_scripts)
    expect_console_error("status of 400 .*/console/m")  # the page itself: what is sent is no instance
    base = f"http://127.0.0.1:{hostile.port}/console/m"
    for probe in PROBES:
        sent = {"note": probe, "level": f"{probe} not", probe: probe, f"no field {probe}": probe}
        page.goto(f"{base}?{urlencode(sent)}")
        assert page.locator("textarea[name=note]").input_value() == probe
        expect(page.locator(".field[data-field=level] .fault")).to_be_visible()
        is_inert(page)
    page.goto(f"{base}?{urlencode({'note': QUOTES})}#{urlencode({'note': IMAGE})}")
    is_inert(page)


def test_a_file_of_probes_is_inert(
    page: Page, expect_console_error: Callable[[str], None], hostile: Gateway, tmp_path: Path
) -> None:
    """The name of a file, its columns and its cells are told as they are written."""
    expect_console_error("status of 400 .*/m/check")
    path = tmp_path / "'><img src=x onerror=alert(1)>.csv"
    columns = [f'"{probe.replace(chr(34), chr(34) * 2)}?"' for probe in PROBES]
    path.write_text("\n".join([",".join(columns), ",".join(columns)]))
    page.goto(f"http://127.0.0.1:{hostile.port}/console/m/batch")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#check, #told").locator("visible=true").first).to_be_visible()
    expect(page.locator("main")).to_contain_text(IMAGE)
    is_inert(page)
    assert too_wide(page, [320]) == []
