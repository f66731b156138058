"""How long the main thread of a page was held: by the clock of the thread itself, which a busy machine does not stretch."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: The category that holds one event for each task and little else; Lighthouse finds its long tasks by it.
_CATEGORY: Final = "disabled-by-default-lighthouse"
_MAIN: Final = "CrRendererMain"
_TASK: Final = "RunTask"


@dataclass
class Tasks:
    """Hold tasks of main threads: milliseconds of the processor, and of the wall."""

    busy_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the longest of each."""
        return f"{len(self.busy_ms)} tasks, longest {max(self.busy_ms):.0f} ms (by the wall clock {max(self.wall_ms):.0f} ms)"


@contextmanager
def traced_tasks(page: "Page") -> Iterator[Tasks]:
    """Gather the tasks of the page's main thread; they are there once the block has ended."""
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, categories=[_CATEGORY])
    found = Tasks()
    try:
        yield found
    finally:
        events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
        main = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == _MAIN}
        # Other events of the category span many tasks with a turn for everybody between them.
        tasks = [one for one in events if one["name"].endswith(_TASK) and (one["pid"], one["tid"]) in main]
        found.busy_ms += [one.get("tdur", one["dur"]) / 1000 for one in tasks]
        found.wall_ms += [one["dur"] / 1000 for one in tasks]
