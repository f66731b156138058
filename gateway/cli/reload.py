"""`gateway reload`, `gateway rollback`, `gateway history`: change the served generation, and list its changes."""

import os
import signal
import time
from typing import get_args

import click

from gateway.cli.command import BAD_REGISTRY, OK, Command, print_line
from gateway.cli.prepare import limits_of
from gateway.generations import transaction
from gateway.generations.decision import Mode
from gateway.generations.history import Event, events
from gateway.generations.transaction import Place
from gateway.process import watched_files
from gateway.process.environment import configure_process
from gateway.settings.settings import Settings
from gateway.system.parent_death import die_with_parent

#: Niceness of a reload: requests go first; when workers fill the machine, a tenth of each core is left for it.
BESIDE_WORKERS = 10


def place_of(settings: Settings) -> Place:
    """Return the registry, folders and limits with which a transaction works."""
    return Place(
        registry=settings.registry,
        state_dir=settings.state_dir,
        cache_dir=settings.cache_dir,
        limits=limits_of(settings),
    )


@click.command("reload", cls=Command)
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
        # The arbiter started this reload: without the arbiter it has no reader, and its children would outlive it.
        die_with_parent(signal.SIGKILL, parent)
        os.nice(BESIDE_WORKERS)
    mode = mode or ("force" if force else "reload")
    source = f"{source} (force)" if mode == "force" else source
    event = transaction.attempt(place_of(settings), mode=mode, source=source)
    if parent:
        watched_files.tell(settings)
    if not quiet:
        print_line(_text(event))
    return BAD_REGISTRY if event.result == "refused" else OK


@click.command("rollback", cls=Command)
@click.argument("generation", required=False, metavar="GENERATION", help="default: the one before the committed one")
def rollback(settings: Settings, *, generation: str | None) -> int:
    """Commit an earlier generation. It holds, also over restarts, until registry.yaml changes."""
    configure_process(settings)
    print_line(_text(transaction.rollback(place_of(settings), generation)))
    return OK


@click.command("history", cls=Command)
@click.option("--most", type=int, default=20, metavar="MOST", help="how many of the newest (default: 20)")
def history(settings: Settings, *, most: int) -> int:
    """Show the newest attempts to change what is served, with the reason of each refusal."""
    found = events(settings.state_dir)[-most:]
    for event in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
        print_line(f"{when}  {_text(event)}")
    if not found:
        print_line("nothing has been committed yet")
    return OK


def _text(event: Event) -> str:
    head = f"{event.result} {event.generation}".strip()
    parts = [
        f"{name} {', '.join(getattr(event, name))}" for name in ("added", "changed", "removed") if getattr(event, name)
    ]
    text = "; ".join([head, *parts]) + f"  ({event.took_s:.1f} s)"
    return f"{text}\n{_indented(event.reason)}" if event.reason else text


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
