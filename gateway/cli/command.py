"""Base class of every command: a function of the settings and of its own options that returns an exit code."""

import sys
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from gateway.cli.abbreviations import written_out
from gateway.cli.help import Context, add_help_option, usage_errors, usage_pieces
from gateway.cli.home_user import must_be_own
from gateway.errors import GatewayError, RegistryError
from gateway.settings.settings import TABLE, Settings
from gateway.system.terminal_text import printable

#: sysexits.h: EX_OK, EX_CONFIG; 1 for all else.
OK: Final = 0
FAILED: Final = 1
BAD_REGISTRY: Final = 78
#: What shells return for a command that Ctrl-C ended.
INTERRUPTED: Final = 130
#: Codes of faults that a restart does not repair: exit code 78 tells supervisors not to try.
CONFIGURATION: Final = frozenset(
    {
        "settings",
        "cannot-listen",
        "already-running",
        "open-to-others",
        "auth-contradiction",
        "keys-file",
        "no-keys",
        "home",
    }
)

#: Settings in the help of every command; all others are options too, listed by `gateway serve --help`.
SHOWN: Final = ("registry", "home", "bind")
_INTRODUCTION: Final = "each setting of `gateway serve --help` is an option, which wins over its GATEWAY_ variable"
#: Where a context keeps the settings of its command line: setting name -> text.
_FLAGS: Final = "gateway.settings"
_PREFIX: Final = "set_"


class Command(click.Command):
    """
    Run a function with the settings, and with the options and arguments that it declares.

    Every setting is an option. `shows_warnings` is off where the log shows those about the settings; `writes_home` is
    on where files below GATEWAY_HOME are written, which only the user of its gateway may do.
    """

    context_class = Context

    def __init__(
        self, *arguments: Any, shows_warnings: bool = True, writes_home: bool = False, **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.shows_warnings = shows_warnings
        self.writes_home = writes_home
        self.params = [*self.params, *_setting_options()]
        add_help_option(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of a command line."""
        with usage_errors(ctx):
            return super().parse_args(ctx, args if ctx.resilient_parsing else written_out(ctx, args))

    def invoke(self, ctx: click.Context) -> int:
        """Run the command and return its exit code; errors of the gateway become text, never a traceback."""
        try:
            settings = settings_of(ctx)
            if self.shows_warnings and not ctx.params.get("quiet"):
                for warning in settings.warnings:
                    print_note(f"warning: {warning}")
            if self.writes_home:
                must_be_own(settings)
            ctx.params["settings"] = settings
            code: int = super().invoke(ctx)
        except GatewayError as error:
            return print_error(error)
        except BrokenPipeError:
            # `gateway describe … | head`: the reader has closed the pipe, which is no fault.
            return OK
        except KeyboardInterrupt:
            print_note("interrupted")
            return INTERRUPTED
        except OSError as error:
            message = f"{error.strerror}: {error.filename or ''}"
            return print_error(GatewayError(message, code="system", hint="see `gateway doctor`"))
        return code

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return options and arguments for the usage line."""
        return usage_pieces(self.params)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the command, then those that every command has."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.params:
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                (shared if param.name.startswith(_PREFIX) else own).append(record)
        with formatter.section("options"):
            formatter.write_dl(own)
        with formatter.section("settings"):
            formatter.write(click.wrap_text(_INTRODUCTION, formatter.width, "  ", "  ") + "\n\n")
            formatter.write_dl(shared)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog with its line breaks."""
        if self.epilog:
            formatter.write(f"\n{self.epilog}\n")


def _setting_options() -> list[click.Parameter]:
    return [
        click.Option(
            [f"--{setting.name.replace('_', '-')}", f"{_PREFIX}{setting.name}"],
            metavar=setting.name.upper(),
            help=f"{setting.help} (default: {setting.variable}, else {setting.default})",
            hidden=setting.name not in SHOWN,
            expose_value=False,
            callback=keep_setting,
            shell_complete=complete_path if setting.is_path else None,
        )
        for setting in TABLE
    ]


def keep_setting(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Keep the text that the command line gives to a setting; the last one wins."""
    if value is not None:
        ctx.meta.setdefault(_FLAGS, {})[param.name.removeprefix(_PREFIX)] = value


def complete_path(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file or folder."""
    del ctx, param
    return [CompletionItem(incomplete, type="file")]


def settings_of(ctx: click.Context) -> Settings:
    """
    Return the settings of a command: its options override the environment. No other function of the commands reads
    settings.
    """
    return Settings.load(flags=ctx.meta.get(_FLAGS, {}))


def told_settings(ctx: click.Context) -> list[str]:
    """Return the words of a command line that tell the same settings to another command."""
    told: dict[str, str] = ctx.meta.get(_FLAGS, {})
    return [word for name, text in told.items() for word in (f"--{name.replace('_', '-')}", text)]


def display_path(path: Path) -> Path:
    """Return a path as a person would type it: relative if it lies below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_line(text: str) -> None:
    """Print to standard output."""
    sys.stdout.write(f"{printable(text)}\n")


def print_note(text: str) -> None:
    """Print to standard error."""
    sys.stderr.write(f"{printable(text)}\n")


def print_error(error: GatewayError) -> int:
    """Print an error in the gateway's style to standard error and return the exit code that belongs to it."""
    if isinstance(error, RegistryError) and error.text != error.message:
        print_note(error.text)
        return BAD_REGISTRY
    print_note(f"error: {error.message}  [{error.code}]")
    if error.hint:
        print_note(f"  fix: {error.hint}")
    is_configuration = isinstance(error, RegistryError) or error.code in CONFIGURATION
    return BAD_REGISTRY if is_configuration else FAILED
