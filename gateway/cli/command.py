"""What every command is: a name, a help text, arguments, and a function that returns the exit code."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError, RegistryError
from gateway.settings.settings import TABLE, Settings

#: sysexits.h: EX_OK, EX_CONFIG; 1 for all else.
OK: Final = 0
FAILED: Final = 1
BAD_REGISTRY: Final = 78
#: Codes of faults that starting again does not repair; supervisors are told so by exit code 78.
CONFIGURATION: Final = frozenset({"settings", "cannot-listen", "already-running"})

#: Settings that the help of every command names; all others are options, too, and stand in `gateway serve --help`.
SHOWN: Final = ("registry", "home", "bind")
_DEST: Final = "set_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Describe one subcommand; `run` gets the parsed arguments and the settings, and returns the exit code."""

    name: str
    help: str
    description: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Settings], int]


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Let a command take every setting as an option, as `gateway serve` does."""
    group = parser.add_argument_group(
        "settings", "each setting of `gateway serve --help` is an option, which wins over its GATEWAY_ variable"
    )
    for setting in TABLE:
        shown = f"{setting.help} (default: {setting.variable}, else {setting.default})"
        group.add_argument(
            f"--{setting.name.replace('_', '-')}",
            dest=f"{_DEST}{setting.name}",
            metavar=setting.name.upper(),
            help=shown if setting.name in SHOWN else argparse.SUPPRESS,
        )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings of a command: its options over the environment; the only place where a command reads any."""
    flags = {
        name.removeprefix(_DEST): text
        for name, text in vars(arguments).items()
        if name.startswith(_DEST) and text is not None
    }
    return Settings.load(flags=flags)


def shown(path: Path) -> Path:
    """Return a path as a person would type it here: relative where it lies below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def say(text: str) -> None:
    """Print to standard output."""
    sys.stdout.write(f"{text}\n")


def complain(error: GatewayError) -> int:
    """Print an error in the gateway's style to standard error and return the exit code that belongs to it."""
    if isinstance(error, RegistryError) and error.text != error.message:
        sys.stderr.write(f"{error.text}\n")
        return BAD_REGISTRY
    sys.stderr.write(f"error: {error.message}  [{error.code}]\n")
    if error.hint:
        sys.stderr.write(f"  fix: {error.hint}\n")
    is_configuration = isinstance(error, RegistryError) or error.code in CONFIGURATION
    return BAD_REGISTRY if is_configuration else FAILED
