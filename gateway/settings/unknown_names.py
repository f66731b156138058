"""GATEWAY_ variables that are no setting: most are misspelt."""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.settings.value_types import PREFIX
from gateway.system.suggest import nearest

#: Variables of printed commands, of scripts and of ecosystem.config.js; this process does not read them.
FOREIGN: Final = frozenset(("GATEWAY_KEY", "GATEWAY_PYTHON", "GATEWAY_DATA", "GATEWAY_STARTED_BY", "GATEWAY_RAY_CACHE"))


def unknown_names(environ: Mapping[str, str], known: Iterable[str]) -> tuple[str, ...]:
    """Return a warning for each variable with our prefix that is not known, with a known one that is near."""
    names = [name.removeprefix(PREFIX) for name in known]  # the prefix alone would make all names alike
    lines = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if name != variable and name not in names and variable not in FOREIGN:
            guess = nearest(name, names)
            lines.append(f"{variable} is no setting" + (f"; did you mean {PREFIX}{guess}?" if guess else ""))
    return tuple(lines)
