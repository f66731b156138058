"""What every command is: a name, a help text, arguments, and a function that returns the exit code."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError, RegistryError

#: sysexits.h: EX_OK, EX_CONFIG; 1 for all else.
OK: Final = 0
FAILED: Final = 1
BAD_REGISTRY: Final = 78
#: Codes of faults that starting again does not repair; supervisors are told so by exit code 78.
CONFIGURATION: Final = frozenset({"settings", "cannot-listen", "already-running"})

REGISTRY: Final = Path("registry.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Describe one subcommand; `run` gets the parsed arguments and returns the exit code."""

    name: str
    help: str
    description: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


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
