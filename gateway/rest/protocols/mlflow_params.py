"""
The `params` of MLflow's scoring protocol, as far as they are honoured.

MLflow leaves out what the model has not declared, checks the types of what it has, and hands on what its flavour
takes. Nothing here computes otherwise for a param, so one that would change the answer is refused by name.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import Fault, InputError
from gateway.own_output import OwnParam
from gateway.rest.errors import MAX_ECHOED, RequestError
from gateway.schema import Output
from gateway.validation.faults import member

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
}


def without_effect(params: Mapping[str, Any], output: Output) -> list[str]:
    """
    Return the names of the params that change nothing.

    Raises InputError for values of another type than declared, RequestError 501 where the answer would be another one:
    by a param of the request, or by the default of one that is not there.
    """
    faults = [fault for one in output.own_params if (fault := _fault(one, params.get(one.name))) is not None]
    if faults:
        raise InputError(faults)
    for one in output.own_params:
        value = params.get(one.name, one.default)
        if one.acts and not _is_neutral(value):
            raise RequestError(
                f"MLflow's server hands {one.name}={str(value)[:MAX_ECHOED]} on to the model, this route does not",
                code="unlike-framework",
                hint=f'send "params": {{"{one.name}": {_neutral(one)}}} for the answer without it',
            )
    return list(params)


def _fault(one: OwnParam, value: Any) -> Fault | None:
    types = _TYPES.get(one.type)
    if value is None or types is None:
        return None
    values = value if one.is_list and type(value) is list else [value]
    if (type(value) is list) == one.is_list and all(type(each) in types for each in values):
        return None
    expected = f"a list of {one.type}" if one.is_list else one.type
    text = f"{one.name} is declared as {expected}"
    return Fault(member("$.params", one.name), "type", text, expected, None, None)


def _is_neutral(value: Any) -> bool:
    """Say whether predict answers with a value as without it."""
    return value is None or value in (False, 0, [0, 0])


def _neutral(one: OwnParam) -> str:
    if one.is_list:
        return "[0, 0]"
    return "false" if one.type == "boolean" else "0"
