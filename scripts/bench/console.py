"""
What the console costs, medians of five: first paint, script time, request to painted number, and what API clients lose.

    PYTHONPATH=scripts:tests python -m bench.console http://127.0.0.1:8000 [name of a route, diabetes] [rounds, 7]

It asks a gateway that already runs, on loopback, from the Chromium of the tests; the load of the machine stands beside.
"""

import json
import os
import sys
from statistics import median, quantiles

from playwright.sync_api import Browser, Page, sync_playwright

from bench import beside_consoles
from bench.ask_gateway import get_json
from console import chromium

ROUNDS, CHANGES = 5, 40
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
#: From the start of each predict to the frame that follows the change of the number.
WATCH = """() => {
    window.__painted = []
    let begun = 0
    const ask = window.fetch
    window.fetch = (...all) => { if (String(all[0]).includes('_detail')) begun = performance.now(); return ask(...all) }
    new MutationObserver(() => requestAnimationFrame(() => {
        if (begun) window.__painted.push(performance.now() - begun)
        begun = 0
    })).observe(document.querySelector('#result'), { childList: true, subtree: true, characterData: true })
}"""


def first_visit(browser: Browser, address: str) -> tuple[float, float]:
    """Return first contentful paint and script time of a fresh visit, in ms."""
    page = browser.new_context().new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(address)
    page.wait_for_load_state("networkidle")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    paint = float(page.evaluate(PAINT))
    page.context.close()
    return paint, 1000 * metrics["ScriptDuration"]


def request_to_number(page: Page) -> list[float]:
    """Return the times from request to painted number while a slider moves."""
    page.evaluate(WATCH)
    slider = page.locator("[data-slider]").first
    slider.focus()
    for step in range(CHANGES):
        page.keyboard.press("ArrowRight" if step % 20 < 10 else "ArrowLeft")
        page.wait_for_timeout(150)
    found: list[float] = page.evaluate("window.__painted")
    return found


def main(address: str, name: str = "diabetes", rounds: str = str(beside_consoles.ROUNDS)) -> None:
    """Print the figures."""
    program = chromium.executable()
    assert program is not None, chromium.lacking()
    route = next(one for one in get_json(address, "/routes")["routes"] if one["name"] == name)
    body = json.dumps(route["sample"]).encode()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(chromium.ARGUMENTS))
        for label, path in {"index": "/", "try": f"/console/{name}", "batch": f"/console/{name}/batch"}.items():
            visits = [first_visit(browser, address + path) for _ in range(ROUNDS)]
            paint, script = (median(column) for column in zip(*visits, strict=True))
            print(f"{label}: first contentful paint {paint:.0f} ms, script {script:.0f} ms (medians of {ROUNDS})")
        page = browser.new_page()
        page.goto(f"{address}/console/{name}")
        page.wait_for_load_state("networkidle")
        times = [one for _ in range(2) for one in request_to_number(page)]
        p95 = quantiles(times, n=20)[-1]
        print(f"request to painted number: median {median(times):.0f} ms, p95 {p95:.0f} ms, of {len(times)}")
        page.close()
        for line in beside_consoles.measure(browser.new_context(), address, route["path"], body, int(rounds)):
            print(line)
        browser.close()
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
