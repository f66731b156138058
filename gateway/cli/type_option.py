"""The option --allow-type of commands: a class of another package that a skops file may hold."""

import re
from typing import Final

import click

from gateway.registry.spec import TYPE_PATTERN


def _checked(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(TYPE_PATTERN, name):
            raise click.BadParameter(f"'{name}' is not package, modules and class, as `gateway inspect` prints it")
    return tuple(dict.fromkeys(names))


allow_type_option: Final = click.option(
    "--allow-type",
    "allow_types",
    multiple=True,
    metavar="CLASS",
    callback=_checked,
    help="class of another installed package that a skops file may hold, by full name; once for each",
)
