"""Layout of the help pages: all options in the usage line, lower-case headings, prose without indentation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

#: Help fills the terminal; click alone stops at 80 columns.
_WIDEST: Final = 10_000
#: Keep an option and its value on one line of the usage, and both parts of `--not-before`.
_NO_BREAK: Final = str.maketrans(" -", "\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}")
_AS_TYPED: Final = {after: before for before, after in _NO_BREAK.items()}


class HelpFormatter(click.HelpFormatter):
    """Write usage, headings and prose of a help page."""

    def __init__(self, width: int | None = None, max_width: int | None = None) -> None:
        super().__init__(width=width, max_width=max_width or _WIDEST)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        start = len(self.buffer)
        super().write_usage(prog, args, prefix or "usage: ")
        self.buffer[start:] = [text.translate(_AS_TYPED) for text in self.buffer[start:]]

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        super().write_heading(heading.lower())

    def write_text(self, text: str) -> None:
        """Write prose."""
        self.write(click.wrap_text(text, self.width, preserve_paragraphs=True) + "\n")


class Context(click.Context):
    """Hold the state of one parsed command line."""

    formatter_class = HelpFormatter


def add_help_option(command: click.Command) -> None:
    """Add -h and --help as the first option of a command."""
    click.help_option("-h", "--help", help="show this help message and exit")(command)
    command.params.insert(0, command.params.pop())


def usage_pieces(params: Sequence[click.Parameter]) -> list[str]:
    """Return options, then arguments, as the usage line shows them."""
    options = [param for param in params if isinstance(param, click.Option) and not param.hidden]
    arguments = [param for param in params if isinstance(param, click.Argument)]
    return [_usage(param).translate(_NO_BREAK) for param in (*options, *arguments)]


def _usage(param: click.Parameter) -> str:
    names = param.opts[:1] if isinstance(param, click.Option) else []
    text = " ".join([*names, *([param.metavar] if param.metavar else [])])
    return text if param.required else f"[{text}]"


@contextmanager
def usage_errors(ctx: click.Context) -> Iterator[None]:
    """Attach the command to every usage error raised inside."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise
