"""The Jinja environment of all pages: everything is escaped, and a name that is not there is an error."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gateway.codecs.json import encode
from gateway.console.number_text import number_text, percent_text
from gateway.console.value_text import value_text

_TEMPLATES: Final = Path(__file__).parent / "templates"
#: Characters that could end a script element, or a line of a script.
_UNSAFE: Final = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment; templates are compiled once in each process."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "number": number_text,
        "percent": percent_text,
        "value": value_text,
        "island": island_json,
        "pretty": pretty_json,
        "compact": compact_json,
    }
    return made


def render(template: str, values: Mapping[str, Any]) -> bytes:
    """Return a page as UTF-8."""
    text = environment().get_template(template).render(values)
    return text.encode("utf-8", "replace")  # half a surrogate pair has no bytes


def island_json(value: Any) -> Markup:
    """Return JSON that is safe inside a script element, whatever texts it holds."""
    return Markup(encode(value).decode().translate(_UNSAFE))  # noqa: S704 - nothing of it can end the element


def pretty_json(value: Any) -> str:
    """Return JSON with a member a line, its numbers as the answer itself has them."""
    return msgspec.json.format(encode(value), indent=2).decode()


def compact_json(value: Any) -> str:
    """Return JSON for an attribute."""
    return encode(value).decode()
