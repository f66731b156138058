"""
Merge the signature of an artifact with the keywords of the registry.

Knows no framework and no YAML. The registry may narrow, describe and rename; it may not contradict the artifact.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.errors import RegistryError
from gateway.registry.inputs import implied_type, violated
from gateway.registry.merge_output import merge_output
from gateway.registry.spec import RouteSpec
from gateway.schema import Field, Signature
from gateway.system.suggest import did_you_mean, listing
from gateway.validation.keywords import ATTRIBUTES
from gateway.validation.texts import level_text

#: Types that a registry may choose among: columns of all are numbers.
_NUMERIC: Final = frozenset({"number", "integer"})


#: Keywords that change the fields themselves, before anything is merged.
_OF_LOADING: Final = frozenset({"dummies", "base"})


@dataclass(slots=True)
class _Faults:
    """Collect all contradictions, so that they are reported at once."""

    route: str
    lines: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def add(self, where: str, message: str, hint: str) -> None:
        """Note one fault."""
        self.lines.append(f"route '{self.route}', {where}: {message}\n  fix: {hint}")
        self.hints.append(hint)

    def finish(self) -> None:
        """Raise RegistryError if there are faults."""
        if self.lines:
            heads = "; ".join(line.split("\n", 1)[0].removeprefix(f"route '{self.route}', ") for line in self.lines)
            raise RegistryError(heads, text="\n\n".join(self.lines), count=len(self.lines), hint=self.hints[0])


def merge_signature(found: Signature, spec: RouteSpec) -> Signature:
    """
    Return the signature of a route: the artifact's, merged with the registry's keywords.

    If the artifact has no names and `inputs` names as many fields, they are renamed by position; if `inputs` names
    every field, its order is the positional one. Raises RegistryError with every contradiction.
    """
    faults = _Faults(spec.path)
    renamed = _named(found, spec, faults)
    inputs = tuple(_merge_field(one, spec.inputs.get(one.name, {}), faults) for one in renamed)
    _check_aliases(inputs, faults)
    output = merge_output(found.output, spec.outputs, faults)
    faults.finish()
    names = {one.name for one in inputs}
    was_renamed = renamed is not found.inputs
    positional = () if was_renamed else found.positional
    if spec.inputs and set(spec.inputs) == names:
        positional = tuple(spec.inputs)
    return Signature(
        inputs=inputs,
        output=output,
        positional=positional,
        names_known=found.names_known or was_renamed,
        trained_on=found.trained_on,
    )


def _named(found: Signature, spec: RouteSpec, faults: _Faults) -> tuple[Field, ...]:
    """Return the artifact's fields under their effective names; notes names that do not exist."""
    if not found.inputs:
        return tuple(Field(name=name, type=_type_of(keywords)) for name, keywords in spec.inputs.items())
    known = found.names
    strangers = [name for name in spec.inputs if name not in known]
    if not strangers:
        return found.inputs
    if not found.names_known:
        if len(spec.inputs) == len(known):
            pairs = zip(found.inputs, spec.inputs, strict=True)
            return tuple(replace(one, name=name) for one, name in pairs)
        faults.add(
            "inputs",
            f"{_count(len(spec.inputs))} named, the artifact takes {len(known)} without names",
            f"name all {len(known)}, in the order of the artifact's columns",
        )
        return found.inputs
    for name in strangers:
        guess = did_you_mean(name, known)
        faults.add(f"inputs.{name}", f"the artifact has no such field ({listing(known)})", guess or "delete it")
    return found.inputs


def _count(number: int) -> str:
    return "1 field is" if number == 1 else f"{number} fields are"


def _type_of(keywords: dict[str, Any]) -> Any:
    return implied_type(keywords) or "number"


def _merge_field(one: Field, keywords: dict[str, Any], faults: _Faults) -> Field:
    keywords = {name: value for name, value in keywords.items() if name not in _OF_LOADING}
    if not keywords:
        return one
    where = f"inputs.{one.name}"
    one, keywords = _with_integers(one, keywords)
    _check_type(one, keywords, where, faults)
    _check_levels(one, keywords, where, faults)
    changes = {ATTRIBUTES.get(name, name): _frozen(value) for name, value in keywords.items() if name != "type"}
    declared = implied_type(keywords) if one.type in _NUMERIC and "type" not in keywords else keywords.get("type")
    if declared is not None and declared in _types(one) and ("type" in keywords or declared == "boolean"):
        changes["type"] = declared
        if {declared, one.type} == {"boolean", "number"}:
            changes["booleans_as_numbers"] = True
    if "default" in keywords:
        changes.setdefault("required", False)
        if keywords["default"] is None:
            changes.setdefault("nullable", True)  # `default: null`: an absent field is a missing value
    return replace(one, **changes)


def _types(one: Field) -> frozenset[str]:
    """Return the types that the registry may give a field: true and false are 1 and 0 for a model of numbers."""
    if one.type == "boolean":
        return frozenset({"boolean", *(_NUMERIC if one.booleans_as_numbers else ())})
    if one.type not in _NUMERIC:
        return frozenset({one.type})
    return frozenset({"integer", "boolean"}) if one.whole else _NUMERIC | {"boolean"}


def _with_integers(one: Field, keywords: dict[str, Any]) -> tuple[Field, dict[str, Any]]:
    """Return both in one type where the registry says whole numbers of a text that may be sent as such."""
    if (
        not one.takes_integers
        or implied_type(keywords) not in {"integer", "number"}
        or keywords.get("type") == "number"
    ):
        return one, keywords
    if "enum" in keywords:
        levels = tuple(level_text(level) for level in keywords["enum"])
        return one, {name: value for name, value in keywords.items() if name != "type"} | {"enum": levels}
    return replace(one, type="integer", takes_integers=False), keywords


def _frozen(value: Any) -> Any:
    # A spec that was read from a snapshot has lists where the parser makes tuples.
    return tuple(value) if isinstance(value, list) else value


def _check_type(one: Field, keywords: dict[str, Any], where: str, faults: _Faults) -> None:
    wanted = implied_type(keywords)
    if wanted is None or wanted in _types(one):
        return
    if one.whole and wanted == "number" and "type" not in keywords:  # limits and levels of a number suit whole ones
        return
    if "type" in keywords:
        faults.add(where, f"type {wanted}, but the artifact takes {one.type}", f"type: {one.type}, or delete 'type'")
    else:
        because = next(name for name in keywords if implied_type({name: keywords[name]}) is not None)
        faults.add(where, f"'{because}' is for {wanted}, but the artifact takes {one.type}", f"delete '{because}'")


def _check_levels(one: Field, keywords: dict[str, Any], where: str, faults: _Faults) -> None:
    levels = one.enum
    if levels is None:
        return
    for level in keywords.get("enum", ()):
        if level not in levels:
            guess = did_you_mean(str(level), [str(known) for known in levels])
            faults.add(where, f"the artifact has no level '{level}' ({listing(levels)})", guess or "delete the level")
    default = keywords.get("default")
    if default is not None and "enum" not in keywords and violated(default, {"enum": levels}) is not None:
        guess = did_you_mean(str(default), [str(known) for known in levels])
        faults.add(where, f"default '{default}' is no level of the artifact ({listing(levels)})", guess or "change it")


def _check_aliases(inputs: tuple[Field, ...], faults: _Faults) -> None:
    owners = {one.name: one.name for one in inputs}
    for one in inputs:
        for alias in one.aliases:
            owner = owners.setdefault(alias, one.name)
            if owner != one.name or alias == one.name:
                faults.add(f"inputs.{one.name}", f"alias '{alias}' already means field '{owner}'", "delete the alias")
