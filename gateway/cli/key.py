"""`gateway key`: make, replace, revoke and list the keys of callers; a running gateway follows within a second."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from gateway.cli.asked_key import checked_scopes, must_be_name, must_end_later, now, tell
from gateway.cli.command import OK, Command, complete_path, display_path, print_error, print_line
from gateway.cli.command_group import Entry, Group
from gateway.cli.home_user import handing_over
from gateway.cli.moments import Moment, ago, whole_seconds
from gateway.cli.running_settings import running_pid, running_settings
from gateway.errors import GatewayError
from gateway.security import api_key, key_changes, key_file, key_text
from gateway.security.key_changes import Issued
from gateway.security.key_file import Key
from gateway.security.scopes import EXPECTED
from gateway.settings.settings import Settings
from gateway.system.users import acting_user
from gateway.validation.faults import visible

_WHERE: Final = "gateway.cli.key"
KEY: Final = Group(
    "key",
    help="Make, replace, revoke and list the keys of callers; a running gateway follows within a second.",
    entries=(
        Entry("create", "make a key and print it, once", f"{_WHERE}:create"),
        Entry("rotate", "give a key a new secret; the old one counts for a while", f"{_WHERE}:rotate"),
        Entry("revoke", "let keys count no more", f"{_WHERE}:revoke"),
        Entry("list", "list keys with what they may do, and until when", f"{_WHERE}:list_keys"),
    ),
)
_OUT: Final = click.option(
    "--out",
    type=Path,
    metavar="FILE",
    shell_complete=complete_path,
    help="write the key into a new file of mode 0600 instead of printing it",
)


@click.command("create", cls=Command, writes_home=True)
@click.argument("name", required=False, default="", metavar="NAME")
@click.option("--scope", "scopes", multiple=True, required=True, metavar="SCOPE", help=f"{EXPECTED}; may be repeated")
@click.option("--expires", type=Moment(), metavar="WHEN", help="30d, 12h or a date (default: never)")
@click.option("--not-before", type=Moment(), metavar="WHEN", help="when it begins to count (default: now)")
@_OUT
def create(
    settings: Settings,
    *,
    name: str,
    scopes: Sequence[str],
    expires: datetime | None,
    not_before: datetime | None,
    out: Path | None,
) -> int:
    """Make a key for callers; NAME says whose it is. Once there is a key, requests without one are refused."""
    must_be_name(name)
    scopes = checked_scopes(settings, scopes)
    must_end_later(expires, not_before)
    is_first = key_file.read(settings.keys_path) is None
    with _keeping(out) as keep:
        issued = key_changes.create(
            settings.keys_path,
            scopes,
            now(),
            name=name,
            not_before=not_before,
            expires=expires,
            by=acting_user(),
            keep=keep,
        )
    _show(issued, out)
    tell(f"key {_called(issued.key)}: {', '.join(scopes)}; {_until(issued.key)}")
    if is_first:
        tell(f"{display_path(settings.keys_path)} is new: {_what_follows(settings)}")
        if note := handing_over(settings):
            tell(note)
    return OK


@click.command("rotate", cls=Command, writes_home=True)
@click.argument("id", metavar="ID")
@click.option(
    "--grace",
    type=Moment(),
    default="24h",
    metavar="HOW_LONG",
    help="how long the old secret still counts, such as 7d, 12h or 0s (default: 24h)",
)
@_OUT
def rotate(settings: Settings, *, id: str, grace: datetime, out: Path | None) -> int:
    """Give a key a new secret. Id, scopes and limits stay; the secret before counts until the grace time is over."""
    with _keeping(out) as keep:
        issued = key_changes.rotate(settings.keys_path, id, now(), grace, by=acting_user(), keep=keep)
    _show(issued, out)
    kept = [secret for secret in issued.key.secrets[:-1] if secret.expires is not None]
    old = f"the secret before counts until {whole_seconds(kept[0].expires)}" if kept else "the old one counts no more"
    ended = issued.ended
    if ended is not None:
        old += f"; the one before that, which was to count until {whole_seconds(ended.expires)}, counts no more"
    tell(f"key {_called(issued.key)} has a new secret; {old}")
    return OK


@click.command("revoke", cls=Command, writes_home=True)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def revoke(settings: Settings, *, ids: Sequence[str]) -> int:
    """
    Let keys count no more, in every worker within a second. An ID may be a whole key, such as one that has leaked.

    One that is not there keeps none of the others.
    """
    code = OK
    for id in dict.fromkeys(ids):
        try:
            key = key_changes.revoke(settings.keys_path, api_key.id_in(id), now(), by=acting_user())
            print_line(f"revoked {_called(key)}")
        except GatewayError as error:
            if error.code != "unknown-key":
                raise
            code = print_error(error)
    return code


@click.command("list", cls=Command, writes_home=True)
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def list_keys(settings: Settings, *, is_json: bool) -> int:
    """List every key: its id, whose it is, what it may do, and whether it counts. Secrets are nowhere."""
    content = key_file.read(settings.keys_path)
    keys = () if content is None else content.keys
    now = datetime.now(UTC)
    if is_json:
        print_line(json.dumps([_row(key, now) for key in keys], indent=2))
        return OK
    for key in keys:
        row = _row(key, now)
        print_line(f"  {row['id']}  {row['state']:8}  {row['until']:32}  {', '.join(row['scopes']) or 'nothing'}")
        print_line(f"            {_shown(row['name']) or 'no name'}, made {ago(key.created, now)}")
    if content is None:
        path = display_path(settings.keys_path)
        print_line(f"there are no keys: {path} is not there, and a gateway that starts now asks nobody for one")
    else:
        print_line(f"{len(keys)} key{'' if len(keys) == 1 else 's'} in {display_path(settings.keys_path)}")
    return OK


def _row(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "state": key_file.state_of(key, now),
        "until": _until(key),
        "scopes": list(key.scopes),
        "secrets": sum(1 for one in key.secrets if one.expires is None or one.expires > now),
        "created": None if key.created is None else key.created.isoformat(),
        "expires": None if key.expires is None else key.expires.isoformat(),
        "changed": None if key.changed is None else msgspec.to_builtins(key.changed),
    }


def _until(key: Key) -> str:
    if key.revoked is not None:
        return f"revoked {whole_seconds(key.revoked)}"
    return "expires never" if key.expires is None else f"expires {whole_seconds(key.expires)}"


def _called(key: Key) -> str:
    return f"{key.id} ({_shown(key.name)})" if key.name else key.id


def _shown(name: str) -> str:
    """Return a name of the file for a terminal: an edit by hand may have put anything into it."""
    return name if name.isprintable() else visible(name)


def _what_follows(settings: Settings) -> str:
    """Say what the first key means for callers: nothing yet where GATEWAY_AUTH=none was said."""
    served_with = running_settings(running_pid(settings)) or settings
    if served_with.auth == "none":
        return "it counts once the gateway is started without GATEWAY_AUTH=none; a start with it is refused from now on"
    return "from now on, requests without a key are refused"


@contextmanager
def _keeping(out: Path | None) -> Iterator[Callable[[str], None] | None]:
    """Let the text of a key be written to a file, which goes again where the key is not made after all."""
    is_written = False

    def keep(text: str) -> None:
        nonlocal is_written
        if out is not None:
            key_text.write(out, text)
            is_written = True

    try:
        yield keep
    except BaseException:
        if out is not None and is_written:
            out.unlink(missing_ok=True)
        raise


def _show(issued: Issued, out: Path | None) -> None:
    """Print the key; it is nowhere else, unless it has been written to a file."""
    if out is None:
        print_line(issued.text)
        sys.stdout.flush()
        tell("it is shown this once: keep it where only its owner can read it")
    else:
        print_line(str(display_path(out)))
