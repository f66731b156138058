"""`gateway rollback`: serve an earlier generation again."""

import click

from gateway.cli.command import OK, Command, print_line
from gateway.cli.events import text_of
from gateway.cli.reload import place_of
from gateway.generations.rollback import roll_back
from gateway.process.environment import configure_process
from gateway.settings.settings import Settings


@click.command("rollback", cls=Command)
@click.argument("generation", required=False, metavar="GENERATION", help="default: the one before the committed one")
def rollback(settings: Settings, *, generation: str | None) -> int:
    """Commit an earlier generation. It holds, also over restarts, until registry.yaml changes."""
    configure_process(settings)
    print_line(text_of(roll_back(place_of(settings), generation)))
    return OK
