"""
Model cards: markdown to HTML that may stand in a page, whoever wrote it.

HTML in the markdown stays text, and what a browser would fetch or run is told instead of shown: pictures, links of
other kinds than http, https and mailto. The time that a rendering may compute is bounded.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

#: Seconds of computing: a card of 45 KB takes 20 ms, the worst ones of 128 KiB that were found two to four seconds.
MOST_S: Final = 2.0
_TAGS: Final = frozenset(
    {"a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "span"}
    | {"strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
)
_ATTRIBUTES: Final = {"a": {"href", "title"}, "ol": {"start"}, **{f"h{n}": {"id"} for n in range(2, 7)}}
_SIDES: Final = frozenset({"left", "center", "right"})
_CLASSES: Final = {"td": _SIDES, "th": _SIDES, "span": {"address", "picture"}}
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_LINKED: Final = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
#: `---`, lines of YAML, `---`: what model hubs write above a card.
_FRONT_MATTER: Final = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIRST_LEVEL, _LAST_LEVEL = 2, 6


class SlowCardError(Exception):
    """A card takes longer to render than it may."""


@dataclass(frozen=True, slots=True)
class Card:
    """Hold a rendered card; `front_matter` is the text between two lines `---` at its begin."""

    html: Markup
    front_matter: str = ""


def render_card(text: str, most_s: float = MOST_S) -> Card:
    """Return a card as safe HTML whose headings begin at the second level; raises SlowCardError."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    matter = _FRONT_MATTER.match(text)
    tokens = _parsed(text[matter.end() :] if matter else text, most_s)
    _number_headings(tokens)
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = list(_without_fetches(token.children))
        elif token.type in ("th_open", "td_open"):
            _style_to_class(token)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    safe = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        allowed_classes={tag: set(names) for tag, names in _CLASSES.items()},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer",
    )
    front_matter = matter[1].strip() if matter else ""
    return Card(Markup(_in_frames(safe)), front_matter)  # noqa: S704 - nh3 let nothing else through


def _parsed(text: str, most_s: float) -> list[Token]:
    """Return the tokens of a text; the time that one thread computes counts, not the time that passes."""
    return _MARKDOWN.parse(text, {"until": time.thread_time() + most_s})


def _keep_time(state: Any, *_: Any) -> bool:
    if time.thread_time() > state.env["until"]:
        raise SlowCardError
    return False


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # The parser asks the first rule at every block and at every character that may begin something.
    made.block.ruler.before("table", "keep_time", _keep_time, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    made.inline.ruler.before("text", "keep_time", _keep_time)
    return made


_MARKDOWN: Final = _markdown()


def _number_headings(tokens: Sequence[Token]) -> None:
    """Begin headings at the second level without skipping one, and give each an id that no page has."""
    above: list[int] = []
    taken: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.type not in ("heading_open", "heading_close"):
            continue
        if token.type == "heading_open":
            written = int(token.tag[1:])
            while above and above[-1] >= written:
                above.pop()
            above.append(written)
            token.attrSet("id", _heading_id(tokens[at + 1].content, taken))
        token.tag = f"h{min(len(above) - 1 + _FIRST_LEVEL, _LAST_LEVEL)}"


def _heading_id(title: str, taken: dict[str, int]) -> str:
    """Return `card-limits`, `card-limits-2` for the second heading of that name."""
    name = "card-" + (re.sub(r"[^a-z0-9]+", "-", title.lower())[:60].strip("-") or "part")
    taken[name] = count = taken.get(name, 0) + 1
    # A heading "Limits 2" must not meet the second "Limits".
    return name if count == 1 else _heading_id(f"{title[:50]} {count}", taken)


def _without_fetches(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens of a line with texts in place of pictures and of links that lead nowhere from here."""
    closing: list[str] = []
    for token in tokens:
        if token.type == "image":
            yield from _picture(token)
        elif token.type == "link_open":
            address = str(token.attrGet("href") or "")
            closing.append("" if _LINKED.match(address) else address)
            if not closing[-1]:
                yield token
        elif token.type == "link_close":
            address = closing.pop()
            yield from _address(address) if address else (token,)
        else:
            yield token


def _picture(image: Token) -> Iterator[Token]:
    yield Token("picture_open", "span", 1, attrs={"class": "picture"})
    yield _text(f"picture: {image.content or 'without a text'}")
    yield from _address(str(image.attrGet("src") or ""))
    yield Token("picture_close", "span", -1)


def _address(address: str) -> Iterator[Token]:
    yield Token("address_open", "span", 1, attrs={"class": "address"})
    yield _text(f" ({address})")
    yield Token("address_close", "span", -1)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _style_to_class(token: Token) -> None:
    """Write the alignment of a table's cell as a class: the policy of pages admits no style attribute."""
    style = str(token.attrs.pop("style", ""))
    side = style.partition("text-align:")[2].strip(" ;")
    if side:
        token.attrSet("class", side)


def _in_frames(html: str) -> str:
    """Let wide tables scroll in a frame of their own, which the keyboard reaches; text holds no `<`."""
    first, *tables = html.split("<table>")
    frame = '<div class="scroll" role="group" tabindex="0" aria-label="table {} of the card"><table>'
    framed = (frame.format(at) + one.replace("</table>", "</table></div>", 1) for at, one in enumerate(tables, start=1))
    return first + "".join(framed)
