"""
The index page: a card per route, searched, sorted and cut into pages; the last reload, and its faults where refused.

`static/index.js` searches, sorts and draws the same cards while a person types; it reads `index_data`.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from gateway.console.environment import render
from gateway.console.server_rows import executor_text, is_troubled
from gateway.console.site import Site
from gateway.generations.history import Event
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route

#: Cards of a page; whole rows of two and of three columns.
PAGE_CARDS: Final = 60
#: Characters of a search that count.
MAX_SEARCH: Final = 200
#: States from the one that somebody must hear of first.
STATES: Final = ("FAILED", "LOADING", "IDLE", "READY")

#: What /health?figures tells of a route.
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """Hold what a card shows of a route."""

    name: str
    path: str
    description: str
    problem: str
    figures: Figures

    @property
    def executor(self) -> str:
        """Return where the model runs and how it is there; nothing where it runs in the workers, as most do."""
        return executor_text(self.figures["executor"]) if "executor" in self.figures else ""

    @property
    def is_troubled(self) -> bool:
        """Say whether something is wrong there."""
        return "executor" in self.figures and is_troubled(self.figures["executor"])

    @property
    def text(self) -> str:
        """Return what a search looks through."""
        return f"{self.name} {self.path} {self.description} {self.figures['state']}".lower()


#: Value of `sort` -> words of its choice, key of a card; cards that are equal stay in the order of the registry.
SORTS: Final[Mapping[str, tuple[str, Callable[[Card], Any]]]] = {
    "": ("as in the registry", lambda card: 0),
    "path": ("by path", lambda card: card.path),
    "state": ("failing first", lambda card: STATES.index(card.figures["state"])),
    "requests": ("most requests first", lambda card: -card.figures["requests"]),
    "p95": ("slowest first", lambda card: -(card.figures["p95_ms"] or 0)),
    "errors": ("most errors first", lambda card: -card.figures["error_rate"]),
}
#: Orders that tell of figures, which are shown to operators only where these have a listener of their own.
OF_FIGURES: Final = frozenset(("requests", "p95", "errors"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what a reader of the page asked for."""

    search: str = ""
    sort: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """Read `q`, `sort` and `page`; what cannot be read counts as absent."""
        sort, page = query.get("sort", ""), query.get("page", "")
        number = int(page[:6]) if page.isascii() and page.isdecimal() else 1
        return cls(query.get("q", "")[:MAX_SEARCH].strip(), sort if sort in SORTS else "", max(1, number))

    def link(self, page: int) -> str:
        """Return the query of another page of the same search."""
        shown = {"q": self.search, "sort": self.sort, "page": str(page) if page > 1 else ""}
        return "?" + urlencode({name: value for name, value in shown.items() if value})


def index_page(
    generation: Generation, site: Site, figures: Mapping[str, Figures], last: Event | None, wanted: Wanted
) -> bytes:
    """Return the page; `figures` are those of each route by name."""
    cards = [_card(route, figures[name]) for name, route in generation.table.by_name.items()]
    sorts = {value: words for value, (words, _) in SORTS.items() if site.has_operations or value not in OF_FIGURES}
    if wanted.sort not in sorts:
        wanted = replace(wanted, sort="")
    found = _found(cards, wanted)
    pages = max(1, math.ceil(len(found) / PAGE_CARDS))
    number = min(wanted.page, pages)
    shown = found[(number - 1) * PAGE_CARDS : number * PAGE_CARDS]
    return render(
        "index.html",
        {
            "page": "index",
            "site": site,
            "cards": shown,
            "blank": Card("", "", "", "", _BLANK),
            "summary": summary(cards, len(found), wanted.search),
            "wanted": wanted,
            "sorts": sorts,
            "number": number,
            "pages": pages,
            "page_cards": PAGE_CARDS,
            "is_empty": not cards,
            "reload": reload_data(last),
            "reloaded_at": utc_text(last.at) if last else "",
        },
    )


def index_data(generation: Generation, last: Event | None) -> dict[str, Any]:
    """Return what the script draws cards from, beside /health?figures."""
    routes = [
        {
            "name": name,
            "path": route.spec.path,
            "description": route.spec.description,
            "problem": problem_text(route),
        }
        for name, route in generation.table.by_name.items()
    ]
    return {"generation": generation.id, "reload": reload_data(last), "routes": routes}


def reload_data(last: Event | None) -> dict[str, Any]:
    """Return how the last reload ended; of a refused one also its faults as the command line prints them."""
    last = last or Event(result="")
    reason = last.reason if last.result == "refused" else ""
    return {"result": last.result, "at": round(last.at, 3), "faults": last.faults, "reason": reason}


def problem_text(route: Route) -> str:
    """Return why a route does not serve and what to do, nothing where it does."""
    if (problem := route.reason) is None:
        return ""
    return f"{problem.message}; fix: {problem.hint}" if problem.hint else problem.message


def summary(cards: list[Card], found: int, search: str) -> str:
    """Return how many models there are in which state, or how many of them were found."""
    total = f"{len(cards):,} model{'' if len(cards) == 1 else 's'}"
    if search:
        return f"{found:,} of {total}"
    states = [card.figures["state"] for card in cards]
    counts = [f"{states.count(state):,} {state.lower()}" for state in reversed(STATES) if state in states]
    return " · ".join([total, *counts])


def utc_text(at: float) -> str:
    """Return a Unix time for people; the script writes the same text."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def _card(route: Route, figures: Figures) -> Card:
    return Card(route.name, route.spec.path, route.spec.description, problem_text(route), figures)


def _found(cards: list[Card], wanted: Wanted) -> list[Card]:
    words = wanted.search.lower().split()
    found = [card for card in cards if all(word in card.text for word in words)] if words else cards
    return sorted(found, key=SORTS[wanted.sort][1])


#: The figures of the card that the script copies.
_BLANK: Final = {"state": "IDLE", "version": "", "requests": 0, "error_rate": 0, "p95_ms": None}
