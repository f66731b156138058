"""Match the columns of a table with the fields: absent, repeated, misspelt and extra columns. Knows no cells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.errors import Fault, InputError
from gateway.system.suggest import listing
from gateway.validation.checks import FieldChecks
from gateway.validation.column_names import CheckedNames, NameRule, Near, near_fault
from gateway.validation.explain import Refused, field_fault
from gateway.validation.faults import MAX_FAULTS, printable, visible
from gateway.validation.limits import Reject
from gateway.validation.pointer import Pointer

#: Misspelt columns that the hint of one absent field names.
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Look:
    """
    Hold what a header shows, with its faults.

    `columns` has the column of each field, None for a field without one, `needed` the names of the fields that must
    have one and do not.
    """

    columns: tuple[str | None, ...]
    near: tuple[Near, ...]
    ignored: tuple[str, ...]
    needed: frozenset[str]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """Hold the column of each field, None for a field that has none, and the columns that belong to no field."""

    columns: tuple[str | None, ...]
    ignored: tuple[str, ...]


class HeaderReader:
    """
    Match headers with the fields of one signature; thread-safe.

    `optional` are the fields whose columns may be absent; None stands for all fields that a row may leave out. A model
    that takes missing values does not make a column optional: its name may be misspelt.
    """

    def __init__(
        self, fields: Sequence[FieldChecks], rule: NameRule, *, optional: frozenset[str] | None, redact: bool
    ) -> None:
        self._fields = tuple(fields)
        self._rule = rule
        self._optional = optional
        self._redact = redact
        self._offered = [checks.field.name for checks in fields]
        self._last: tuple[tuple[str, ...], Header] | None = None

    def match(self, names: Sequence[str], *, each: bool = False) -> Header:
        """
        Find the column of each field, or raise every fault of the header.

        With `each` a misspelt column is a second fault beside the absent field; otherwise one fault names both.
        """
        key = tuple(names)
        last = self._last
        if last is not None and last[0] == key:  # a long table comes in chunks of one header
            return last[1]
        header = self._match(key, each)
        self._last = (key, header)
        return header

    def _match(self, names: tuple[str, ...], each: bool) -> Header:
        look = self.look(names, each=each)
        if look.faults:
            raise InputError(look.faults[:MAX_FAULTS], total=len(look.faults))
        return Header(look.columns, look.ignored)

    def look(self, names: Sequence[str], *, each: bool = False) -> Look:
        """Find the column of each field, and every fault of the header."""
        counts = Counter(names)
        chosen = [next((name for name in checks.names if name in counts), None) for checks in self._fields]
        checked = self._rule.check(names, counts)
        faults: list[Fault] = []
        told: set[str] = set()
        needed: set[str] = set()
        for checks, name in zip(self._fields, chosen, strict=True):
            fault = self._absent(checks, checked, told) if name is None else self._doubled(checks, names, counts)
            if fault is not None:
                faults.append(fault)
                needed |= {checks.field.name} if name is None else set()
        for near in checked.near:
            if each or near.name not in told:
                at = Pointer("header", near.name)
                faults.append(near_fault(near, at, None, held=counts, offered=self._offered))
        if not faults and chosen and not any(chosen) and counts.keys().isdisjoint(self._rule.known):
            faults += self._nothing()
        return Look(tuple(chosen), checked.near, checked.ignored, frozenset(needed), tuple(faults))

    def _doubled(self, checks: FieldChecks, names: Sequence[str], counts: Counter[str]) -> Fault | None:
        given = [name for name in checks.names if name in counts]
        if len(given) == 1 and counts[given[0]] == 1:
            return None
        code = "alias" if len(given) > 1 else "repeated"
        at = Pointer("header", min(given, key=names.index))
        return field_fault(Refused(checks.field, code, None, at, None, False), redact=self._redact)

    def _absent(self, checks: FieldChecks, checked: CheckedNames, told: set[str]) -> Fault | None:
        """Return the fault of a field without a column, unless it may be absent."""
        field = checks.field
        try:
            checks.absent()
            if self._optional is None or field.name in self._optional:
                return None
        except Reject:
            pass
        at = Pointer("header", field.name)
        fault = field_fault(Refused(field, "required", None, at, None, False), redact=self._redact)
        if not field.required:
            fault = replace(fault, message=f"the table has no column for {field.name}")
        meant = [near.name for near in checked.near if field.name in near.fields]
        told.update(meant)
        if not meant:
            return fault if field.required else replace(fault, hint=_OPTIONAL.format(printable(field.name)))
        shown = listing([visible(name) for name in meant[:_MAX_NAMED]], "and")
        return replace(fault, hint=f"the table has {shown}: names must be equal, case and all")

    def _nothing(self) -> list[Fault]:
        """Refuse a table without any column of ours, unless defaults make an instance of nothing."""
        absent = [checks.absent() for checks in self._fields]
        if any(value == value for value in absent):  # noqa: PLR0124 - NaN is the missing value
            return []
        names = ", ".join(printable(name) for name in self._offered[:20])
        return [Fault("header", "no-input", "no field of this route is given", names)]


_OPTIONAL = (
    "add the column, with empty cells where the value is missing; "
    "or let the registry say that it may be absent: inputs: {{'{0}': {{required: false}}}}"
)
