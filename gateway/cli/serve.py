"""`gateway serve`: prepare, commit and serve in the foreground; PM2, systemd and containers run this command."""

import contextlib
import logging
import os
import sys
import time
from dataclasses import replace

import click

from gateway.cli import home_user
from gateway.cli.command import OK, Command, print_note
from gateway.cli.place import place_of
from gateway.errors import GatewayError
from gateway.generations import snapshot, transaction
from gateway.prepare.entries import problems
from gateway.process import watched_files
from gateway.process.environment import configure_process
from gateway.process.exposure import must_be_two_doors, must_have_named_keys, must_not_be_open
from gateway.scoreboard import status
from gateway.scoreboard.status import Status
from gateway.security import key_file
from gateway.settings.settings import Settings, help_text
from gateway.system import descendants, private_folders, processes
from gateway.system.own_python import module_words

log = logging.getLogger("gateway.serve")

_SETTINGS = f"settings (environment variable: meaning (default)); each is also an option:\n{help_text()}"


@click.command("serve", cls=Command, epilog=_SETTINGS, shows_warnings=False)
def serve(settings: Settings) -> int:
    """
    Prepare every model, commit the generation and serve it with gunicorn until SIGTERM or SIGINT, which let requests in
    flight finish.
    """
    configure_process(settings)
    for warning in settings.warnings:
        log.warning(warning)
    if is_closed := home_user.closed(settings):
        raise is_closed
    if fault := private_folders.make_private(settings.home):
        log.warning("the folder of run-time state is not private", extra={"reason": fault})
    before = status.read(settings.status_path)
    known = ((before.pid, before.began), (before.predecessor, before.predecessor_began))
    predecessor, predecessor_began = next((one for one in known if processes.is_alive(*one)), (0, 0))
    me = os.getpid()
    if predecessor and settings.holder_socket is None:
        # With a socket holder the old gateway serves until the new one does; without it both bind the same addresses.
        raise GatewayError(
            f"a gateway of {settings.home} runs already (process {predecessor})",
            code="already-running",
            hint="end it with `gateway stop`, or set GATEWAY_HOME and GATEWAY_BIND for a second one",
        )
    mine = Status(
        pid=me,
        began=processes.own_start(),
        phase="preparing",
        predecessor=predecessor,
        predecessor_began=predecessor_began,
    )
    _write_status(settings, mine)
    _end_orphans(settings)
    try:
        key_file.read(settings.keys_path)  # a file that does not count would refuse everybody
        must_have_named_keys(settings)
        must_be_two_doors(settings)
        must_not_be_open(settings)
        is_pending = transaction.can_wait(place_of(settings))
        if not is_pending:
            commit_first(settings, mine)
        watched_files.tell(settings)
    except GatewayError as error:
        text = getattr(error, "text", error.message)
        _write_status(settings, replace(mine, phase="failed", message=text, fix=error.hint or ""))
        raise
    _become_server(settings, is_pending=is_pending)
    return OK


def _become_server(settings: Settings, *, is_pending: bool) -> None:
    """Replace this process by one that serves: workers are forked from it, and must not carry what prepared."""
    sys.stdout.flush()
    sys.stderr.flush()
    # Options are not repeated on its command line: the environment carries all settings.
    command = module_words("gateway.cli.serve_committed", *(["--pending"] if is_pending else []))
    os.execve(command[0], command, {**os.environ, **settings.environ()})  # noqa: S606 - no shell is wanted


def _write_status(settings: Settings, report: Status) -> None:
    """Write the status file that `gateway wait` reads; a full disk must not stop a gateway that could serve."""
    with contextlib.suppress(OSError):
        status.write(settings.status_path, report)


def _end_orphans(settings: Settings) -> None:
    """End processes that models of an earlier gateway of this home left behind when it was killed."""
    if left := descendants.left_behind(settings.home):
        log.warning("ending what models left", extra={"processes": descendants.described(left)})
        descendants.end(lambda: descendants.left_behind(settings.home))


class _Progress:
    """Report once a second how many models are prepared: 1,000 new models take a quarter of an hour on two cores."""

    def __init__(self, settings: Settings, report: Status) -> None:
        self._settings, self._report = settings, report
        self._written = time.monotonic()

    def report(self, done: int, total: int) -> None:
        """Record progress; several threads call this."""
        if time.monotonic() - self._written > 1:
            self._written = time.monotonic()
            _write_status(self._settings, replace(self._report, message=f"{done:,} of {total:,} models"))


def commit_first(settings: Settings, report: Status) -> None:
    """
    Commit the current registry.yaml; raises RegistryError if it is broken and there is no committed generation.

    A broken registry or a failing route does not stop the committed generation: it continues to serve.
    """
    event = transaction.attempt(
        place_of(settings), mode="cold", source="start", progress=_Progress(settings, report).report
    )
    if event.result == "refused":
        print_note(event.reason)
        log.error("serving the committed generation", extra={"generation": event.generation})
    committed = snapshot.committed(settings.state_dir)
    for name, problem in problems(committed.manifests) if committed else ():
        log.error("route failed", extra={"route": name, "code": problem.code, "reason": problem.message})
