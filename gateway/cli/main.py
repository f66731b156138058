"""The command line: a table of subcommands. What they do stands in `commands/`."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from gateway import __version__
from gateway.cli.add import ADD
from gateway.cli.check import CHECK
from gateway.cli.command import Command, add_settings, complain, settings_of
from gateway.cli.describe import DESCRIBE
from gateway.cli.doctor import DOCTOR
from gateway.cli.plan import PLAN
from gateway.cli.prepare import PREPARE
from gateway.cli.reload import HISTORY, RELOAD, ROLLBACK
from gateway.cli.routes import ROUTES
from gateway.cli.serve import SERVE
from gateway.cli.stop import STOP
from gateway.cli.wait import WAIT
from gateway.errors import GatewayError
from gateway.system import private_folders

COMMANDS: Final[tuple[Command, ...]] = (
    CHECK,
    DESCRIBE,
    ADD,
    PREPARE,
    PLAN,
    SERVE,
    RELOAD,
    ROLLBACK,
    HISTORY,
    ROUTES,
    WAIT,
    STOP,
    DOCTOR,
)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of every subcommand."""
    parser = argparse.ArgumentParser(prog="gateway", description="Serve many models from one file: registry.yaml.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        one = commands.add_parser(command.name, help=command.help, description=command.description)
        command.configure(one)
        add_settings(one)
        one.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors of the gateway become text, never a traceback."""
    os.umask(private_folders.UMASK)
    parsed = build_parser().parse_args(arguments)
    try:
        settings = settings_of(parsed)
        if not getattr(parsed, "quiet", False):
            sys.stderr.writelines(f"warning: {warning}\n" for warning in settings.warnings)
        code: int = parsed.run(parsed, settings)
    except GatewayError as error:
        return complain(error)
    except BrokenPipeError:
        # `gateway describe … | head`: the reader has gone, which is no fault.
        return 0
    except OSError as error:
        return complain(
            GatewayError(f"{error.strerror}: {error.filename or ''}", code="system", hint="see `gateway doctor`")
        )
    return code
