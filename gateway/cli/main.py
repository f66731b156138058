"""Entry point of the `gateway` command: the table of commands, and exit code 2 for usage errors."""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import shell_complete

from gateway import __version__
from gateway.cli.command_group import Entry, Group
from gateway.system import private_folders
from gateway.system.terminal_text import printable

COMMANDS: Final = (
    Entry("check", "verify registry.yaml without serving", "gateway.cli.check:check"),
    Entry("describe", "print loader, inputs, outputs and versions of an artifact", "gateway.cli.describe:describe"),
    Entry("inspect", "list what a model file names, without executing it", "gateway.cli.inspect_file:inspect"),
    Entry("add", "append a model to registry.yaml", "gateway.cli.add:add"),
    Entry("golden", "write golden rows of a table, compared with its column of answers", "gateway.cli.golden:golden"),
    Entry("prepare", "load, check and self-test every model in a child process", "gateway.cli.prepare:prepare"),
    Entry("plan", "show what a reload would change", "gateway.cli.plan:plan"),
    Entry("promote", "compare a candidate with the model of a route, then serve it", "gateway.cli.promote:promote"),
    Entry("serve", "serve the registry in the foreground", "gateway.cli.serve:serve"),
    Entry("reload", "serve the current registry.yaml, or print why it is refused", "gateway.cli.reload:reload"),
    Entry("rollback", "serve an earlier generation again", "gateway.cli.rollback:rollback"),
    Entry("history", "list commits, refusals and rollbacks", "gateway.cli.history:history"),
    Entry("routes", "list the routes of the running gateway", "gateway.cli.routes:routes"),
    Entry("wait", "wait until the gateway is ready and show one working curl per route", "gateway.cli.wait:wait"),
    Entry("stop", "end the gateway of this home", "gateway.cli.stop:stop"),
    Entry("key", "make, replace, revoke and list the keys of callers", "gateway.cli.key:KEY"),
    Entry("cache", "list environments of models, and delete unneeded ones", "gateway.cli.cache:cache"),
    Entry("doctor", "list what is missing in this environment, and what needs it", "gateway.cli.doctor:doctor"),
)
#: Name that click gives to the variable through which a shell asks for completions.
_COMPLETION: Final = "_GATEWAY_COMPLETE"

GATEWAY: Final = Group("gateway", help="Serve many models from one file: registry.yaml.", entries=COMMANDS)
click.version_option(__version__, message="%(prog)s %(version)s", help="show program's version number and exit")(
    GATEWAY
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; raises SystemExit for help and for usage errors."""
    os.umask(private_folders.UMASK)
    if _COMPLETION in os.environ:
        raise SystemExit(shell_complete(GATEWAY, {}, "gateway", _COMPLETION, os.environ[_COMPLETION]))
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with GATEWAY.make_context("gateway", words) as context:
            code: int = GATEWAY.invoke(context)
    except click.exceptions.Exit as done:
        raise SystemExit(done.exit_code) from None
    except click.UsageError as error:
        raise SystemExit(_complain(error)) from None
    return code


def _complain(error: click.UsageError) -> int:
    """Print the usage line and the error, and return the exit code."""
    if error.ctx is not None:
        sys.stderr.write(f"{error.ctx.get_usage()}\n{error.ctx.command_path}: ")
    sys.stderr.write(f"error: {printable(error.format_message())}\n")
    return error.exit_code
