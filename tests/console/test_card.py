"""Model cards: whatever markdown says, a page shows text, tables and links, and fetches or runs nothing."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.artifacts.card_file import MOST_BYTES
from gateway.console.card import SlowCardError, render_card

ALLOWED = {
    "a": {"href", "title", "rel"},
    "div": {"class", "role", "tabindex", "aria-label"},
    "ol": {"start"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
}
PLAIN = {"blockquote", "br", "code", "em", "hr", "li", "p", "pre", "s", "strong", "table", "tbody", "thead", "tr", "ul"}


class Tags(HTMLParser):
    """Collect every tag with its attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.text += data


def shown(markdown: str) -> Tags:
    """Render a card and check that nothing in it is more than text, tables and links."""
    found = Tags(render_card(markdown).html)
    for tag, attributes in found.tags:
        assert tag in PLAIN | ALLOWED.keys(), tag
        assert attributes.keys() <= ALLOWED.get(tag, set()), (tag, attributes)
        if tag == "a":
            assert str(attributes["href"]).lower().startswith(("http://", "https://", "mailto:")), attributes
            assert attributes["rel"] == "noopener noreferrer"
    return found


@pytest.mark.parametrize(
    "probe",
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "[a](javascript:alert(1)) <javascript:alert(1)> [b]: javascript:alert(1)",
        "[a](data:text/html,<script>alert(1)</script>)",
        "![a](javascript:alert(1)) ![b](http://127.0.0.1:1/beacon.png) ![c](data:image/png;base64,AA==)",
        "[![a](http://example.org/a.png)](//example.org) [b](train.py) [c](#id) [d](../../etc/passwd)",
        '<style>*{display:none}</style><svg onload="alert(1)"><iframe src="//example.org">',
        "a\u2028b <a href='x' style='position:fixed'>c</a> &lt;script&gt; &#x3c;img&#x3e;",
        "| <img src=x> | b |\n|:-:|--:|\n| `<b>` | <i>c</i> |",
        '[a](https://example.org/"onmouseover="alert(1)) <https://example.org/\'"><script>>',
    ],
)
def test_probes_are_inert(probe: str) -> None:
    """What would run or be fetched is text."""
    shown(probe)


@given(st.text(alphabet="<>[]()!*_~`#|-=:\\&\"' \nabc/:.j0123\u2028\0", max_size=200))
def test_no_text_leaves_the_allowed_tags(markdown: str) -> None:
    """Whatever the characters are."""
    shown(markdown)


def test_pictures_and_relative_links_are_told() -> None:
    """Text and address stay readable, and say where to look."""
    found = shown(
        "![curve of *errors*](figures/curve.png) and [the script](train.py), [site](https://example.org/a?b=c&d)"
    )
    assert "picture: curve of *errors* (figures/curve.png)" in found.text
    assert "the script (train.py)" in found.text
    assert [attributes["href"] for tag, attributes in found.tags if tag == "a"] == ["https://example.org/a?b=c&d"]


def test_headings_begin_at_the_second_level_and_skip_none() -> None:
    """Their ids cannot meet those of the page, and are distinct."""
    found = shown("# A\n#### B\n## Limits\n## Limits\n## Limits 2\n# main\n###### C\nstate\n===")
    headings = [(tag, attributes["id"]) for tag, attributes in found.tags if tag[0] == "h"]
    assert [tag for tag, _ in headings] == ["h2", "h3", "h3", "h3", "h3", "h2", "h3", "h2"]
    ids = [name for _, name in headings]
    assert len(set(ids)) == len(ids)
    assert all(str(name).startswith("card-") for name in ids)


def test_alignment_of_tables_is_a_class() -> None:
    """The policy of pages admits no style attribute."""
    html = render_card("|a|b|c|\n|:-|:-:|-:|\n|1|2|3|").html
    assert 'class="left"' in html
    assert '<td class="right">3</td>' in html
    assert "style" not in html


def test_front_matter_is_kept_apart() -> None:
    """What model hubs write above a card is no heading of it."""
    card = render_card("---\nlicense: mit\ntags: [a]\n---\n# Title")
    assert card.front_matter == "license: mit\ntags: [a]"
    assert "license" not in card.html


HOSTILE = [
    "[",
    "![",
    "[a](",
    ">",
    "> ",
    "* ",
    "**a ",
    "a*_",
    "_*",
    "`",
    "~~a ",
    "<",
    "&",
    "\\",
    "|",
    "(",
    "- ",
    "1. ",
    "[a]: b\n",
    "\t",
]


@pytest.mark.parametrize("piece", HOSTILE[:3])
def test_hostile_cards_end(piece: str) -> None:
    """Deep and long ones are rendered, or refused: the time that a thread computes is bounded."""
    end_of(piece, MOST_BYTES // 16)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [*HOSTILE, "wide"])
def test_the_worst_cards_end(piece: str) -> None:
    """Those of the largest size too."""
    end_of(piece, MOST_BYTES)


def end_of(piece: str, size: int) -> None:
    """Render a card of one piece, again and again."""
    wide = "a|" * 2_000 + "\n" + "-|" * 2_000 + "\n" + "x\n" * 60_000
    text = wide if piece == "wide" else piece * (size // len(piece))
    try:
        shown(text[:size])
    except SlowCardError:
        return


def test_rendering_stops_when_its_time_is_over() -> None:
    """In the middle of a paragraph as well as between blocks."""
    for text in ("a *b* [c](d) " * 1_000, "- a\n" * 1_000):
        with pytest.raises(SlowCardError):
            render_card(text, most_s=0.0)
