"""`gateway cache`: list the environments that were built for models, and delete those that nothing needs any more."""

import time

import click

from gateway.cli.command import OK, Command, print_line
from gateway.environments import kept
from gateway.environments.kept import Kept
from gateway.settings.settings import Settings

_MB = 2**20
_DAY_S = 24 * 3600.0


@click.command("cache", cls=Command, writes_home=True)
@click.option("--prune", is_flag=True, help="delete environments that no kept generation names")
def cache(settings: Settings, *, prune: bool) -> int:
    """
    List the environments of models: Python, packages, size, and whether the committed or an earlier generation needs
    them. Those that none needs are deleted a day after their last use; --prune does it now.
    """
    found = kept.listed(settings.cache_dir, settings.state_dir)
    gone = kept.prune(settings.cache_dir, settings.state_dir, unused_s=0.0) if prune else []
    deleted = {one.key for one in gone}
    for one in found:
        print_line(_line(one, is_deleted=one.key in deleted))
    left = [one for one in found if one.key not in deleted]
    total = sum(one.size_bytes for one in left)
    print_line(f"{_counted(len(left))}, {total / _MB:.0f} MB in {settings.cache_dir}")
    if prune:
        freed = sum(one.size_bytes for one in gone)
        print_line(f"deleted {_counted(len(gone))}, {freed / _MB:.0f} MB")
        young = sum(1 for one in left if not one.is_named)
        if young:
            print_line(f"{_counted(young)} used in the last ten minutes stay: an attempt may be under way")
    elif any(not one.is_named for one in left):
        print_line("delete what no generation needs: gateway cache --prune")
    return OK


def _line(one: Kept, *, is_deleted: bool) -> str:
    state = "deleted" if is_deleted else "served" if one.is_committed else "earlier" if one.is_named else "unused"
    if one.found is None:
        return f"  {state:8} {one.key}  not whole, {one.size_bytes / _MB:.0f} MB"
    age = (time.time() - one.used_at) / _DAY_S
    used = "today" if age < 1 else f"{age:.0f} days ago"
    requires = ", ".join(one.found.requires[:4]) + (", …" if len(one.found.requires) > 4 else "")  # noqa: PLR2004
    return f"  {state:8} {one.key}  {one.found.label}, used {used}: {requires}"


def _counted(number: int) -> str:
    return "1 environment" if number == 1 else f"{number} environments"
