"""
The request of a page as curl, Python and JavaScript, to copy and run.

`static/snippets.js` writes the same texts in the browser; `tests/console/snippet_cases.json` holds both to them, and
the tests run all three.
"""

import json
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.codecs.json import encode

#: A wider object is written with one member a line.
WIDTH: Final = 76
#: A longer body comes from a here-document: the kernel accepts 128 KiB in one argument, and a terminal shows less.
MAX_ARGUMENT: Final = 2_000
#: JavaScript keeps no whole number beyond exactly.
_MAX_SAFE: Final = 2**53 - 1
#: Control and format characters, surrogates, private use, separators but the blank: unseen, or changed by a terminal.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})
_IMPORT_OS: Final = "import os\n"

#: Names and values as JSON writes them.
Members = Sequence[tuple[str, str]]


def snippets(url: str, instance: Mapping[str, Any], *, has_key: bool = False) -> dict[str, str]:
    """
    Return language -> text of the request that sends `instance` to the absolute `url`.

    With `has_key` it sends the key that the variable GATEWAY_KEY holds; the key itself is in no text.
    """
    members = [(_token(name), _token(value)) for name, value in instance.items()]
    is_exact = all(_is_exact(name, value) for name, value in instance.items())
    return {
        "curl": _curl(url, _object(members, 2), has_key=has_key),
        "python": _python(url, members, has_key=has_key),
        "javascript": _javascript(url, members, is_exact=is_exact, has_key=has_key),
    }


def _curl(url: str, body: str, *, has_key: bool) -> str:
    key = '-H "Authorization: Bearer $GATEWAY_KEY" \\\n  ' if has_key else ""
    head = f"curl {shlex.quote(url)} \\\n  {key}-H 'Content-Type: application/json' \\\n  "
    if "'" in body or len(body) > MAX_ARGUMENT:
        return f"{head}--data-binary @- <<'JSON'\n{body}\nJSON"
    return f"{head}-d '{body}'"


def _python(url: str, members: Members, *, has_key: bool) -> str:
    words = {"null": "None", "true": "True", "false": "False"}
    instance = _object([(name, words.get(value, value)) for name, value in members], 4, comma=",")
    more = ', "Authorization": "Bearer " + os.environ["GATEWAY_KEY"]' if has_key else ""
    return (
        f"import json\n{_IMPORT_OS if has_key else ''}from urllib.request import Request, urlopen\n\n"
        f"url = {json.dumps(url)}\ninstance = {instance}\n"
        f'request = Request(url, json.dumps(instance).encode(), {{"Content-Type": "application/json"{more}}})\n'
        "with urlopen(request) as response:\n    print(response.read().decode())"
    )


def _javascript(url: str, members: Members, *, is_exact: bool, has_key: bool) -> str:
    instance = _object(members, 2, comma=",")
    body = f"JSON.stringify({instance})" if is_exact else json.dumps(_object(members, 2), ensure_ascii=False)
    more = ", Authorization: `Bearer ${process.env.GATEWAY_KEY}`" if has_key else ""
    return (
        f'const instance = {body};\nfetch({json.dumps(url)}, {{\n  method: "POST",\n'
        f'  headers: {{ "Content-Type": "application/json"{more} }},\n  body: instance,\n'
        "}).then((response) => response.text()).then((answer) => console.log(answer));"
    )


def _object(members: Members, indent: int, comma: str = "") -> str:
    """Write an object in one line where it fits, else one member a line; `comma` follows the last of those."""
    parts = [f"{name}: {value}" for name, value in members]
    line = f"{{{', '.join(parts)}}}"
    if len(line) <= WIDTH:
        return line
    return "{\n" + ",\n".join(" " * indent + part for part in parts) + comma + "\n}"


def _token(value: Any) -> str:
    """Return a value as JSON that is safe in a terminal: characters that nobody sees are escaped."""
    text = encode(value).decode()
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character == " " or unicodedata.category(character) not in _UNSEEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _is_exact(name: str, value: Any) -> bool:
    """Say whether a member of a JavaScript object literal keeps its name and its value."""
    return name != "__proto__" and not (type(value) is int and abs(value) > _MAX_SAFE)
