"""`gateway rollback`: serve an earlier generation again."""

import click

from gateway.cli.command import BAD_REGISTRY, OK, Command, print_line
from gateway.cli.events import text_of
from gateway.cli.place import place_of
from gateway.cli.reload import run_beside
from gateway.errors import GatewayError
from gateway.generations.history import Event, append
from gateway.generations.rollback import roll_back
from gateway.process import watched_files
from gateway.process.environment import configure_process
from gateway.settings.settings import Settings


@click.command("rollback", cls=Command, writes_home=True)
@click.argument("generation", required=False, metavar="GENERATION", help="default: the one before the committed one")
@click.option("--parent", type=int, hidden=True)
def rollback(settings: Settings, *, generation: str | None, parent: int | None) -> int:
    """Commit an earlier generation. It holds, also over restarts, until registry.yaml changes."""
    configure_process(settings)
    if parent:
        return _rollback_beside(settings, generation, parent)
    print_line(text_of(roll_back(place_of(settings), generation)))
    return OK


def _rollback_beside(settings: Settings, generation: str | None, parent: int) -> int:
    """Roll back for the arbiter, which learns the result from the history."""
    run_beside(parent)
    try:
        roll_back(place_of(settings), generation)
    except GatewayError as error:
        append(settings.state_dir, Event(result="refused", reason=error.message, faults=1, source="pm2 rollback"))
        return BAD_REGISTRY
    finally:
        watched_files.tell(settings)
    return OK
