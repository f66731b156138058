"""`gateway reload`, `gateway rollback`, `gateway history`: change what is served, and see how that went."""

import argparse
import os
import signal
import time
from typing import get_args

from gateway.cli.command import BAD_REGISTRY, OK, Command, say
from gateway.cli.prepare import limits_of
from gateway.generations import history, transaction
from gateway.generations.history import Event
from gateway.generations.transaction import Place
from gateway.process import watched_files
from gateway.process.environment import configure_process
from gateway.settings.settings import Settings
from gateway.system.parent_death import die_with_parent

#: An edit waits rather than the requests: a tenth of each core is still there for it when workers fill the machine.
BESIDE_WORKERS = 10


def place_of(settings: Settings) -> Place:
    """Return where a transaction of these settings happens."""
    return Place(
        registry=settings.registry,
        state_dir=settings.state_dir,
        cache_dir=settings.cache_dir,
        limits=limits_of(settings),
    )


def _configure_reload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="commit even if a route fails; it then answers 503")
    parser.add_argument("--quiet", action="store_true", help="say nothing; history and log tell")
    parser.add_argument("--source", default="", help=argparse.SUPPRESS)
    parser.add_argument("--mode", choices=get_args(transaction.Mode), help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)


def _reload(arguments: argparse.Namespace, settings: Settings) -> int:
    configure_process(settings)
    if arguments.parent:
        # The arbiter's own try: without the arbiter nobody waits for it, and its children would outlive it.
        die_with_parent(signal.SIGKILL, arguments.parent)
        os.nice(BESIDE_WORKERS)
    mode: transaction.Mode = arguments.mode or ("force" if arguments.force else "reload")
    source = " ".join(filter(None, [arguments.source or "gateway reload", "(force)" if mode == "force" else ""]))
    event = transaction.attempt(place_of(settings), mode=mode, source=source)
    if arguments.parent:
        watched_files.tell(settings)
    if not arguments.quiet:
        say(_text(event))
    return BAD_REGISTRY if event.result == "refused" else OK


def _configure_rollback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("generation", nargs="?", help="default: the one before the committed one")


def _rollback(arguments: argparse.Namespace, settings: Settings) -> int:
    configure_process(settings)
    say(_text(transaction.rollback(place_of(settings), arguments.generation)))
    return OK


def _configure_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--most", type=int, default=20, help="how many of the newest (default: %(default)s)")


def _history(arguments: argparse.Namespace, settings: Settings) -> int:
    found = history.events(settings.state_dir)[-arguments.most :]
    for event in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
        say(f"{when}  {_text(event)}")
    if not found:
        say("nothing has been committed yet")
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


RELOAD = Command(
    name="reload",
    help="serve what registry.yaml says now, or say why not",
    description="Parse, prepare and commit; running workers swap to the new generation without losing a request. "
    "Refused (exit code 78) for faults of the registry or a failing added or changed route: then nothing changes.",
    configure=_configure_reload,
    run=_reload,
)

ROLLBACK = Command(
    name="rollback",
    help="serve an earlier generation again",
    description="Commit an earlier generation. It holds, also over restarts, until registry.yaml changes.",
    configure=_configure_rollback,
    run=_rollback,
)

HISTORY = Command(
    name="history",
    help="list what was committed, refused and rolled back",
    description="Show the newest attempts to change what is served, with the reason of each refusal.",
    configure=_configure_history,
    run=_history,
)
