"""A group of commands, each imported only when it is named."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from gateway.cli.help import Context, add_help_option, usage_errors, usage_pieces
from gateway.system import garbage_collection
from gateway.system.suggest import listing


@dataclass(frozen=True, slots=True)
class Entry:
    """Name a command, its help line in the group, and its location as `module:attribute`."""

    name: str
    help: str
    where: str


class Group(click.Group):
    """Look commands up in a table, so that `gateway stop` imports no web server."""

    context_class = Context

    def __init__(self, *arguments: Any, entries: Sequence[Entry], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.no_args_is_help = False
        self.entries: Mapping[str, Entry] = {entry.name: entry for entry in entries}
        add_help_option(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the name of a command."""
        with usage_errors(ctx):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it."""
        if cmd_name not in self.entries:
            return None
        module, _, name = self.entries[cmd_name].where.partition(":")
        with garbage_collection.paused():
            command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and remaining words; raises UsageError that suggests a command."""
        if args[0] in self.entries or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        error = click.NoSuchCommand(args[0], possibilities=self.entries, ctx=ctx)
        if error.possibilities:
            raise error
        raise click.UsageError(f"{error.message} Choose from {listing(self.entries, most=len(self.entries))}.", ctx)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line: options, then the command."""
        return [*usage_pieces(self.params), "COMMAND", "..."]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands."""
        with formatter.section("commands"):
            formatter.write("  COMMAND\n")
            with formatter.indentation():
                formatter.write_dl([(entry.name, entry.help) for entry in self.entries.values()])
