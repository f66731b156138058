"""Expand abbreviated options, and refuse an option in place of a value: click alone does neither."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click

#: A word that is an option and no value, unlike `-` and negative numbers.
_OPTION: Final = re.compile(r"-[^0-9.]")


def written_out(ctx: click.Context, words: Sequence[str]) -> list[str]:
    """
    Return the words with abbreviated options written out.

    Raises UsageError if an abbreviation fits several options, or if an option stands in place of a value.
    """
    options = {word: param for param in ctx.command.params if isinstance(param, click.Option) for word in param.opts}
    return list(_written_out(ctx, iter(words), options))


def _written_out(ctx: click.Context, words: Iterator[str], options: Mapping[str, click.Option]) -> Iterator[str]:
    for word in words:
        name, equals, value = word.partition("=")
        name = _option(ctx, name, options)
        yield f"{name}{equals}{value}"
        if word == "--":
            break
        if name in options and not options[name].is_flag and not equals:
            value = next(words, "--")
            if _OPTION.match(value):
                raise click.BadOptionUsage(name, f"Option '{name}' requires an argument.", ctx)
            yield value
    yield from words


def _option(ctx: click.Context, name: str, options: Mapping[str, click.Option]) -> str:
    if name in options or not name.startswith("--") or name == "--":
        return name
    matches = [option for option in options if option.startswith(name)]
    if len(matches) > 1:
        raise click.UsageError(f"Ambiguous option '{name}': {', '.join(matches)}.", ctx)
    return matches[0] if matches else name
