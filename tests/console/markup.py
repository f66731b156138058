"""A page as a test looks at it without a browser: its elements, by id, name and attribute."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

#: Elements without an end.
VOID: Final = frozenset({"meta", "link", "input", "br", "img", "hr"})


@dataclass
class Element:
    """Hold one element: its text is that of all within it."""

    tag: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the text, as it stands."""
        return "".join(self.pieces)

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Return the elements within this one that have this tag and these attributes; `_` in a name stands for `-`."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            one
            for one in self.inner()
            if tag in ("", one.tag) and all(one.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str = "", **attributes: str) -> "Element":
        """Return the only one of these elements."""
        (found,) = self.all(tag, **attributes)
        return found

    def inner(self) -> Iterator["Element"]:
        """Yield all elements within this one, in order."""
        for child in self.children:
            yield child
            yield from child.inner()


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_endtag(self, tag: str) -> None:
        # Every element of our templates is closed where it should be.
        assert self._open.pop().tag == tag, tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)


def parsed(body: bytes) -> Element:
    """Return the root of a page; fails where an element is not closed, or has an attribute twice."""
    parser = _Parser()
    parser.feed(body.decode())
    parser.close()
    assert parser._open == [parser.root]
    return parser.root


def island(page: Element) -> Any:
    """Return the data that the page hands to its script."""
    return json.loads(page.one("script", id="route").text)


def field_of(page: Element, name: str) -> Element:
    """Return the row of a field."""
    return page.one("div", data_field=name)


def control_of(page: Element, name: str) -> Element:
    """Return the control of a field: whatever has a name in its row."""
    (found,) = (one for one in field_of(page, name).inner() if "name" in one.attributes)
    return found


def shown_in(control: Element) -> str:
    """Return what a control shows and a form would send; a text area drops its first line end."""
    if control.tag == "select":
        return control.one("option", selected="").attributes["value"]
    return control.text.removeprefix("\n") if control.tag == "textarea" else control.attributes["value"]
