"""`gateway serve`: prepare, commit and serve, in the foreground; PM2, systemd and containers run just this."""

import argparse
import contextlib
import logging
import os
import sys

from gateway import snapshot, status
from gateway.app import configure_process
from gateway.commands.base import OK, Command
from gateway.commands.prepare import limits_of
from gateway.errors import GatewayError, RegistryError
from gateway.prepare import prepare_registry, problems
from gateway.process.server import serve
from gateway.registry import load_registry
from gateway.settings import TABLE, Settings, help_text
from gateway.status import Status

log = logging.getLogger("gateway.serve")


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"settings (environment variable: meaning (default)); each is also an option:\n{help_text()}"
    for setting in TABLE:
        parser.add_argument(f"--{setting.name.replace('_', '-')}", dest=f"set_{setting.name}", help=argparse.SUPPRESS)


def _run(arguments: argparse.Namespace) -> int:
    prefix = "set_"
    flags = {n.removeprefix(prefix): v for n, v in vars(arguments).items() if n.startswith(prefix) and v is not None}
    settings = Settings.load(flags=flags)
    configure_process(settings)
    for warning in settings.warnings:
        log.warning(warning)
    _tell(settings, "preparing")
    try:
        commit_first(settings)
        serve(settings)
    except GatewayError as error:
        _tell(settings, "failed", getattr(error, "text", error.message))
        raise
    return OK


def _tell(settings: Settings, phase: str, message: str = "") -> None:
    """Let `gateway wait` know how far we are; a disk that refuses must not stop a gateway that could serve."""
    with contextlib.suppress(OSError):
        status.write(settings.status_path, Status(pid=os.getpid(), phase=phase, message=message))


def commit_first(settings: Settings) -> None:
    """Commit what registry.yaml says now; raises RegistryError when it is broken and nothing was ever committed.

    A broken registry does not stop a gateway that has served before: the committed generation goes on.
    """
    try:
        registry = load_registry(settings.registry)
    except RegistryError as error:
        before = snapshot.committed(settings.state_dir)
        if before is None:
            raise
        sys.stderr.write(f"{error.text}\n")
        log.error("registry is broken, serving the committed generation", extra={"generation": before.id})
        return
    manifests = prepare_registry(registry, settings.cache_dir, limits_of(settings))
    for name, problem in problems(manifests):
        log.error("route failed", extra={"route": name, "code": problem.code, "reason": problem.message})
    snapshot.commit(settings.state_dir, snapshot.make(registry, manifests, source=str(settings.registry)))


SERVE = Command(
    name="serve",
    help="serve the registry in the foreground",
    description="Prepare every model, commit the generation and serve it with gunicorn until SIGTERM or SIGINT, which "
    "let requests in flight finish.",
    configure=_configure,
    run=_run,
)
