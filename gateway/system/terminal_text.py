"""Write text for terminals: what they would obey, or what is no text at all, as escapes."""

import re
from typing import Final

#: Controls but tab and line feed, line ends of Unicode, marks without width, those that turn text around, and halves
#: of surrogate pairs: names of files that are no UTF-8 hold these.
_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """Return a text of which a terminal shows every character."""
    return _OBEYED.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - Latin-1
