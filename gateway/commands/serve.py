"""`gateway serve`: prepare, commit and serve, in the foreground; PM2, systemd and containers run just this."""

import argparse
import logging
import sys

from gateway import snapshot
from gateway.app import configure_process
from gateway.commands.base import BAD_REGISTRY, OK, Command
from gateway.commands.prepare import limits_of
from gateway.errors import RegistryError
from gateway.prepare import prepare_registry, problems
from gateway.process.server import serve
from gateway.registry import load_registry
from gateway.settings import TABLE, Settings, help_text

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
    if not commit_first(settings):
        return BAD_REGISTRY
    serve(settings)
    return OK


def commit_first(settings: Settings) -> bool:
    """
    Commit what registry.yaml says now; False when it is broken and nothing was ever committed.

    A broken registry does not stop a gateway that has served before: the committed generation goes on.
    """
    try:
        registry = load_registry(settings.registry)
    except RegistryError as error:
        sys.stderr.write(f"{error.text}\n")
        before = snapshot.committed(settings.state_dir)
        if before is None:
            return False
        log.error("registry is broken, serving the committed generation", extra={"generation": before.id})
        return True
    manifests = prepare_registry(registry, settings.cache_dir, limits_of(settings))
    for name, problem in problems(manifests):
        log.error("route failed", extra={"route": name, "code": problem.code, "reason": problem.message})
    snapshot.commit(settings.state_dir, snapshot.make(registry, manifests, source=str(settings.registry)))
    return True


SERVE = Command(
    name="serve",
    help="serve the registry in the foreground",
    description="Prepare every model, commit the generation and serve it with gunicorn until SIGTERM or SIGINT, which "
    "let requests in flight finish.",
    configure=_configure,
    run=_run,
)
