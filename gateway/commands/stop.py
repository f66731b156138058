"""`gateway stop`: end a gateway of this home, also one that outlived its process manager."""

import argparse
import os
import signal

from gateway import status
from gateway.commands.base import FAILED, OK, Command, say
from gateway.process import socket_holder
from gateway.process.watcher import wait_until
from gateway.settings import Settings


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="say nothing when nothing runs")


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    report = status.read(settings.status_path)
    known = {report.pid: report.began, report.predecessor: report.predecessor_began}
    pids = [pid for pid, began in known.items() if status.is_alive(pid, began)]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    holder = socket_holder.end(settings.holder_path)
    over = wait_until(
        lambda: not any(status.is_alive(pid, known[pid]) for pid in pids), settings.graceful_timeout_s + 5
    )
    if pids or holder:
        say("stopped" if over else f"still running: {', '.join(map(str, pids))}")
    elif not arguments.quiet:
        say("nothing runs here")
    return OK if over else FAILED


STOP = Command(
    name="stop",
    help="end the gateway of this home",
    description="Send SIGTERM to the gateway of these settings and wait until its requests are answered. Under PM2 use "
    "`make stop`, or PM2 starts it again.",
    configure=_configure,
    run=_run,
)
