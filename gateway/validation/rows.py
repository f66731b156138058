"""
Slow path of validation: read one row with every name, alias, default and rule, and report every fault.

Runs only for rows that the fast path of the validator rejected, and for instances from several sources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from gateway.errors import Fault
from gateway.schema import MISSING, Signature
from gateway.validation.checks import FieldChecks
from gateway.validation.column_names import NameRule, near_fault
from gateway.validation.explain import Refused, field_fault
from gateway.validation.faults import Faults, printable, quoted, shown
from gateway.validation.limits import Reject
from gateway.validation.pointer import Pointer
from gateway.validation.texts import clean
from gateway.validation.unknown_names import Strangers


@dataclass(frozen=True, slots=True)
class Source:
    """
    Hold the named values of one instance from one part of a request.

    `json` values are decoded JSON, those of `query` and `form` are text. `repeated` are the keys that occur more than
    once. `path` is the path of the values; derived from the kind when empty.
    """

    kind: Literal["json", "query", "form"]
    values: Mapping[str, Any]
    repeated: frozenset[str] = frozenset()
    path: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)

    def at(self, name: str) -> str:
        """Return where a name of this source stands."""
        found = self.paths.get(name)
        if found is not None:
            return found
        return Pointer(self.path or ("$" if self.kind == "json" else self.kind), name)


class RowReader:
    """Turn the sources of one instance into checked values in predictor order; thread-safe."""

    def __init__(
        self,
        fields: Sequence[FieldChecks],
        signature: Signature,
        *,
        strict: bool,
        id_fields: tuple[str, ...],
        redact: bool,
        rule: NameRule,
    ) -> None:
        self._fields = tuple(fields)
        self._positions = signature.positions
        self._trained_on = () if signature.positional else signature.trained_on
        self._strict = strict
        self._ids = id_fields
        self._redact = redact
        self._rule = rule
        self._known = rule.known
        self._offered = [checks.field.name for checks in fields]

    def read(
        self, sources: Sequence[Source], row: int | None, faults: Faults, strangers: Strangers
    ) -> tuple[list[Any], Any]:
        """
        Return the values and the row id; where a fault was added the values are not usable.

        Names that no field has go to `strangers`, unless they were judged already, in the header of a table.
        """
        values = [self._field(checks, sources, row, faults) for checks in self._fields]
        if faults.total == 0 and self._fields and all(value != value for value in values):  # noqa: PLR0124 - NaN is missing
            self._nothing(sources, row, faults)
        row_id = self._row_id(sources, row, faults) if self._ids else None
        if strangers.header is None and any(not source.values.keys() <= self._known for source in sources):
            self._unknown(sources, row, faults, strangers)
        return values, row_id

    def _nothing(self, sources: Sequence[Source], row: int | None, faults: Faults) -> None:
        """Refuse an instance that names no field at all: a model that takes gaps would answer a typing error."""
        if any(name in source.values for source in sources for name in self._known) or not faults.wants(row):
            return
        at = (sources[0].path or sources[0].kind) if sources else "$"
        names = ", ".join(printable(name) for name in self._offered[:20])
        faults.items.append(Fault(at, "no-input", "no field of this route is given", names, None, None, None, row))

    def positional(
        self, values: Sequence[Any], path: str, row: int | None, faults: Faults, text: bool
    ) -> Source | None:
        """Name the values of a bare list, with or without the dropped columns, or add the fault of a wrong length."""
        positions = self._trained_on if len(values) == len(self._trained_on) else self._positions
        if len(values) == len(positions):
            paths = {name: Pointer(path, index) for index, name in enumerate(positions)}
            named = dict(zip(positions, values, strict=True))
            return Source("form" if text else "json", named, path=path, paths=paths)
        if faults.wants(row):
            expected = len(self._positions)
            message = f"{expected} values are expected, {len(values)} were given"
            hint = "the order is " + ", ".join(printable(name) for name in self._positions[:50])
            faults.items.append(Fault(path, "arity", message, expected, len(values), hint, None, row))
        return None

    def not_a_row(self, value: Any, path: str, row: int | None, faults: Faults) -> None:
        """Add the fault of an instance that is neither an object nor a list."""
        if faults.wants(row):
            got = None if self._redact else shown(value)
            subject = "the instance" if self._redact else quoted(value)
            message = f"{subject} is not an instance"
            hint = "an instance is an object of fields, or a list of values in order"
            faults.items.append(Fault(path, "instance-type", message, "object or list", got, hint, None, row))

    def _field(self, checks: FieldChecks, sources: Sequence[Source], row: int | None, faults: Faults) -> Any:
        """Find the value of a field in the first source that has it; later sources are checked for repeated names."""
        value: Any = None
        winner: Source | None = None
        at = ""
        for source in sources:
            names = [name for name in checks.names if name in source.values]
            if not names:
                continue
            here = source.at(names[0])
            is_repeated = not source.repeated.isdisjoint(names)
            if is_repeated or len(names) > 1:
                code = "repeated" if is_repeated else "alias"
                return self._refuse(Refused(checks.field, code, None, here, row, False, checks.reading), faults)
            if winner is None:
                winner, value, at = source, source.values[names[0]], here
        json = winner is not None and winner.kind == "json"
        try:
            if winner is None:
                at = (sources[0] if sources else Source("json", {})).at(checks.field.name)
                return checks.absent()
            return checks.json(value) if json else checks.text(value)
        except Reject as reject:
            refused = Refused(checks.field, reject.code, value, at, row, json, checks.reading)
            return self._refuse(refused, faults)

    def _refuse(self, refused: Refused, faults: Faults) -> Any:
        if faults.wants(refused.row):
            faults.items.append(field_fault(refused, redact=self._redact, guess=faults.may_guess))
        return MISSING

    def _row_id(self, sources: Sequence[Source], row: int | None, faults: Faults) -> Any:
        """Return the first id; all others must be valid ids, too."""
        found = []
        for source in sources:
            for name in self._ids:
                if name not in source.values:
                    continue
                value = source.values[name]
                found.append(value)
                if not is_id(value) and faults.wants(row):
                    faults.items.append(id_fault(name, value, source.at(name), row, redact=self._redact))
        return found[0] if found else None

    def _unknown(self, sources: Sequence[Source], row: int | None, faults: Faults, strangers: Strangers) -> None:
        """Check the names that no field has: in strict JSON each is a fault, elsewhere a misspelt one."""
        held = {name for source in sources for name in source.values}
        for source in sources:
            strict = self._strict and source.kind == "json"
            checked = self._rule.check(source.values, held, 0 if strict else strangers.share())
            for near in checked.near:
                if faults.wants(row):
                    fault = near_fault(near, source.at(near.name), row, held=held, offered=self._offered)
                    faults.items.append(fault)
            unknown = [name for name in checked.ignored if not name.startswith("_")]
            if not strict:
                strangers.add(unknown)
                continue
            for name in unknown:
                if faults.wants(row):
                    fault = self._unknown_fault(name, source.at(name), row, guess=faults.may_guess)
                    if fault.hint is None and type(source.values[name]) in (dict, list):
                        fault = replace(fault, hint=_UNWRAP)
                    faults.items.append(fault)

    def _unknown_fault(self, name: str, at: str, row: int | None, *, guess: bool) -> Fault:
        message = f"{printable(name)} is not a field of this route"
        hint = self._rule.suggest(name) if guess else None
        return Fault(at, "unknown-field", message, self._offered[:50], None, hint, None, row)


_UNWRAP: Final = "send an object of fields, or a list of the values, without a name around it"


def is_id(value: Any) -> bool:
    """Tell whether a value can name a row: clean text, a finite number, or nothing."""
    if value is None:
        return True
    if isinstance(value, str):
        return clean(value)
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0


def id_fault(name: str, value: Any, at: str, row: int | None, *, redact: bool) -> Fault:
    """Write the fault of a row id."""
    message = f"{printable(name)} must be a text or a number, because it names the row"
    return Fault(at, "id", message, "string or number", None if redact else shown(value), None, None, row)
