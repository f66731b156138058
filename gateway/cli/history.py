"""`gateway history`: list commits, refusals and rollbacks."""

import time

import click

from gateway.cli.command import OK, Command, print_line
from gateway.cli.events import text_of
from gateway.generations.history import events
from gateway.settings.settings import Settings


@click.command("history", cls=Command)
@click.option("--most", type=int, default=20, metavar="MOST", help="how many of the newest (default: 20)")
def history(settings: Settings, *, most: int) -> int:
    """Show the newest attempts to change what is served, with the reason of each refusal."""
    found = events(settings.state_dir)[-most:]
    for event in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
        print_line(f"{when}  {text_of(event)}")
    if not found:
        print_line("nothing has been committed yet")
    return OK
