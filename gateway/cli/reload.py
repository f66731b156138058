"""`gateway reload`: serve the current registry.yaml, or print why it is refused."""

import os
import signal
from typing import get_args

import click

from gateway.cli.command import BAD_REGISTRY, OK, Command, print_line
from gateway.cli.events import text_of
from gateway.cli.place import place_of
from gateway.generations import transaction
from gateway.generations.reload_decision import Mode
from gateway.process import watched_files
from gateway.process.environment import configure_process
from gateway.settings.settings import Settings
from gateway.system.parent_death import die_with_parent

#: Niceness of a reload: requests go first; when workers fill the machine, a tenth of each core is left for it.
BESIDE_WORKERS = 10


def run_beside(parent: int) -> None:
    """End with the arbiter that started this command, and leave the machine to its workers."""
    # Without the arbiter the result has no reader, and the children of this process would outlive it.
    die_with_parent(signal.SIGKILL, parent)
    os.nice(BESIDE_WORKERS)


@click.command("reload", cls=Command, writes_home=True)
@click.option("--force", is_flag=True, help="commit even if a route fails; it then answers 503")
@click.option("--quiet", is_flag=True, help="print nothing; history and log have the result")
@click.option("--source", default="gateway reload", hidden=True)
@click.option("--mode", type=click.Choice(get_args(Mode)), hidden=True)
@click.option("--parent", type=int, hidden=True)
def reload(settings: Settings, *, force: bool, quiet: bool, source: str, mode: Mode | None, parent: int | None) -> int:
    """
    Parse, prepare and commit; running workers swap to the new generation without losing a request. Refused (exit code
    78) for faults of the registry or a failing added or changed route: then nothing changes.
    """
    configure_process(settings)
    if parent:
        run_beside(parent)
    mode = mode or ("force" if force else "reload")
    source = f"{source} (force)" if mode == "force" else source
    event = transaction.attempt(place_of(settings), mode=mode, source=source)
    if parent:
        watched_files.tell(settings)
    if not quiet:
        print_line(text_of(event))
    return BAD_REGISTRY if event.result == "refused" else OK
