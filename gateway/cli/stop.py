"""`gateway stop`: end the gateway of this home, even if its process manager is gone."""

import os
import signal

import click

from gateway.cli.command import FAILED, OK, Command, print_line
from gateway.process import socket_holder
from gateway.process.watcher import wait_until
from gateway.scoreboard import status
from gateway.settings.settings import Settings
from gateway.system import descendants, processes


@click.command("stop", cls=Command)
@click.option("--quiet", is_flag=True, help="print nothing if no gateway runs")
def stop(settings: Settings, *, quiet: bool) -> int:
    """
    Send SIGTERM to the gateway of these settings and wait until its requests are answered. Under PM2 use `make stop`,
    or PM2 starts it again.
    """
    report = status.read(settings.status_path)
    known = {report.pid: report.began, report.predecessor: report.predecessor_began}
    pids = [pid for pid, began in known.items() if processes.is_alive(pid, began)]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    over = wait_until(
        lambda: not any(processes.is_alive(pid, known[pid]) for pid in pids), settings.graceful_timeout_s + 5
    )
    # Last: a gateway whose holder has gone waits for a new one.
    holder = socket_holder.end(settings.holder_path)
    over &= _end_models(settings)
    if pids or holder:
        print_line("stopped" if over else f"still running: {', '.join(map(str, pids))}")
    elif not quiet:
        print_line("nothing runs here")
    return OK if over else FAILED


def _end_models(settings: Settings) -> bool:
    """
    End the remaining processes of this home: workers of a killed arbiter, which may be answering, and children of
    models.
    """
    home = descendants.home_of(settings.home)
    found = {pid: mark for pid, mark in descendants.marked() if mark.home == home}
    workers = [pid for pid, mark in found.items() if pid == mark.owner]
    for pid in workers:
        descendants.send(pid, signal.SIGTERM)
    wait_until(lambda: not any(processes.is_running(pid) for pid in workers), settings.graceful_timeout_s + 5)
    left = [pid for pid, mark in descendants.marked() if mark.home == home]
    if left:
        print_line(f"ending what models left: {descendants.described(left)}")
        descendants.end(lambda: [pid for pid, mark in descendants.marked() if mark.home == home])
    still = [pid for pid, mark in descendants.marked() if mark.home == home]
    if still:
        print_line(f"still running: {descendants.described(still)}")
    return not still
