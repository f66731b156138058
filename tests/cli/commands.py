"""Every command of the command line by its words, those of inner groups as well."""

import click

from gateway.cli.command_group import Group
from gateway.cli.main import GATEWAY


def every_command(group: Group = GATEWAY) -> list[list[str]]:
    """Return the words of each command."""
    found = []
    for name in group.entries:
        command = command_of([name], group)
        inner = every_command(command) if isinstance(command, Group) else [[]]
        found += [[name, *words] for words in inner]
    return found


def command_of(words: list[str], group: Group = GATEWAY) -> click.Command:
    """Return the command of these words."""
    command = group.get_command(click.Context(group), words[0])
    assert command is not None, words
    if len(words) == 1:
        return command
    assert isinstance(command, Group)
    return command_of(words[1:], command)
