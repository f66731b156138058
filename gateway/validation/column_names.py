"""
Classify the names of a request as fields, misspelt fields or unknown names: one rule for every dialect.

A name that equals a declared one but for case, blanks, punctuation, units or line breaks is a fault. So is one that
resembles a field which the request does not hold otherwise. All others are ignored, and counted. The rule for users is
in docs/names.md.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.errors import Fault
from gateway.schema import Field
from gateway.system.suggest import MAX_WORD, likely, listing
from gateway.validation.faults import visible
from gateway.validation.near_names import bare, is_slip, shares_words, words

#: Names of options of a call: no fields, and no misspelt ones.
OPTIONS: Final = frozenset({"_on_error", "_detail", "_sheet", "_header"})
#: Unknown names of one request that are compared letter by letter: 3 to 6 ms each where 1,000 fields are absent.
MAX_COMPARED: Final = 200
_MAX_ABSENT: Final = 1_000
#: Punctuation between digits distinguishes "1.0" from "10".
_BETWEEN_DIGITS: Final = re.compile(r"(?<=[0-9])[\W_]+(?=[0-9])")
_NO_LETTER: Final = re.compile(r"[^a-z0-9\x1f]+")
#: Names that pandas gives to the columns of an index.
_INDEX: Final = re.compile(r"Unnamed: \d+.*|__index_level_\d+__|index|level_\d+")
#: Cyrillic letters, and a Greek one, that look like Latin ones, and the letters that they look like.
_LOOKS_LIKE: Final = str.maketrans("авекмнорстухіјѕο", "abekmhopctyxijso")


def places_of(names: Sequence[str]) -> dict[str, int]:
    """Return where each name stands first: looked up one by one, ten thousand of them would take a second."""
    return {name: at for at, name in reversed(list(enumerate(names)))}


@dataclass(frozen=True, slots=True)
class Near:
    """Hold a misspelt name: as it was sent, and the declared names that it may mean."""

    name: str
    meant: tuple[str, ...]
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class CheckedNames:
    """Hold the classes of the names of a request that belong to no field."""

    near: tuple[Near, ...] = ()
    ignored: tuple[str, ...] = ()


class NameRule:
    """Check the names of requests to one route; thread-safe. Columns that the pipeline drops are no unknown names."""

    def __init__(self, fields: Sequence[Field], id_fields: tuple[str, ...], dropped: Iterable[str] = ()) -> None:
        self._names = {field.name: (field.name, *field.aliases) for field in fields}
        self._owner = {name: field.name for field in fields for name in (field.name, *field.aliases)}
        self.known = frozenset(self._owner).union(id_fields)
        self.dropped = frozenset(dropped) - self.known
        self._words = {name: words(name) for name in self._owner}
        self._letters = {name: letters(name) for name in self._owner}
        self._same: dict[str, dict[str, None]] = {}
        self._whole: dict[str, dict[str, None]] = {}
        for field in fields:
            for name in self._names[field.name]:
                self._learn(name, field.unit)

    def _learn(self, name: str, unit: str | None) -> None:
        """Note every form of a declared name: whole, without brackets, with and without its unit."""
        key = letters(name)
        whole = {key}
        if unit and (suffix := letters(unit)):
            whole |= {key + suffix, key.removesuffix(suffix)}
        for form in whole:
            self._whole.setdefault(form, {})[name] = None
        for form in whole | {letters(bare(name))}:
            self._same.setdefault(form, {})[name] = None

    def check(self, names: Iterable[str], held: Collection[str], most: int = MAX_COMPARED) -> CheckedNames:
        """
        Check the names of one request, which holds the names `held` in all.

        At most so many as `most` are compared letter by letter with the fields that it does not hold.
        """
        expected = self.known | self.dropped if self.dropped else self.known
        strangers = [name for name in names if name not in expected and name not in OPTIONS]
        if not strangers:
            return CheckedNames()
        absent = [field for field, own in self._names.items() if not any(name in held for name in own)] if most else []
        if len(absent) > _MAX_ABSENT:
            absent = []
        near: list[Near] = []
        ignored: list[str] = []
        for at, name in enumerate(strangers):
            meant = self._equal(name) or (self._resembling(name, absent) if absent and at < most else ())
            if meant:
                near.append(Near(name, tuple(meant), frozenset(self._owner[one] for one in meant)))
            else:
                ignored.append(name)
        return CheckedNames(tuple(near), tuple(ignored))

    def suggest(self, name: str) -> str | None:
        """Return the hint for an unknown name, None where no declared one is near."""
        meant = self._equal(name) or self._slips(name, self._owner)
        return _did_you_mean(meant) if meant else None

    def _equal(self, name: str) -> Collection[str]:
        """Return the declared names that differ only in case, punctuation, blanks or units."""
        key = letters(name)
        if not key:
            return ()
        found = self._same.get(key, {})
        short = letters(bare(name))
        return found if short == key or not short else {**found, **self._whole.get(short, {})}

    def _resembling(self, name: str, absent: Sequence[str]) -> list[str]:
        """Return the names of absent fields that a name resembles."""
        if _INDEX.fullmatch(name) or len(name) > MAX_WORD or name.startswith("_"):
            return []
        sent = words(name)
        own = [one for field in absent for one in self._names[field]]
        return [one for one in own if shares_words(sent, self._words[one])] or self._slips(name, own)

    def _slips(self, name: str, known: Iterable[str]) -> list[str]:
        """Return the declared names that a name with typing errors may mean."""
        by_letters = {self._letters[one]: one for one in known}
        return [by_letters[key] for key in likely(letters(name), by_letters) if is_slip(name, by_letters[key])]


def letters(name: str) -> str:
    """Return the letters and digits of a name, in one case and one normal form."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).translate(_LOOKS_LIKE)
        name = _BETWEEN_DIGITS.sub("\x1f", name)
        kept = (one for one in name if one.isalnum() or one == "\x1f" or unicodedata.category(one)[0] == "M")
        return unicodedata.normalize("NFKC", "".join(kept))
    return _NO_LETTER.sub("", _BETWEEN_DIGITS.sub("\x1f", name.replace("\x1f", " ").lower()))


def _did_you_mean(meant: Iterable[str]) -> str:
    return f"did you mean {listing([visible(one) for one in list(meant)[:3]])}?"


def near_fault(near: Near, at: str, row: int | None, *, held: Collection[str], offered: Sequence[str]) -> Fault:
    """Write the fault of a misspelt name; `held` are the names that the request has besides."""
    twice = [one for one in near.meant if one in held]
    hint = _did_you_mean(near.meant) + " names must be equal, case and all"
    if twice:
        hint = f"{visible(twice[0])} is given as well: delete the one that is not meant, or give it another name"
    message = f"{visible(near.name)} is not a field of this route, and nearly {visible(near.meant[0])}"
    return Fault(at, "unknown-field", message, list(offered[:50]), None, hint, None, row)
