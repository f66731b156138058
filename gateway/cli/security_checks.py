"""What `gateway doctor` finds out of who may reach a gateway, read its files, or have it run code."""

import json
import re
import shlex
import stat
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from gateway.cli.client import Client
from gateway.cli.diagnosis import Diagnosis
from gateway.cli.file_checks import file_checks
from gateway.cli.limit_checks import limit_checks
from gateway.cli.running_settings import running_pid, running_settings
from gateway.cli.token_checks import token_checks
from gateway.errors import GatewayError
from gateway.process import exposure, port_owner
from gateway.process.pm2.home import REMEMBERED
from gateway.references.store_access import read_credentials
from gateway.references.store_uri import has_credentials
from gateway.registry.load import load_registry
from gateway.scoreboard import status
from gateway.security.key_file import Key
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings

#: A key that expires within this time is told of.
SOON_S: Final = 14 * 24 * 3600
#: Names of variables and forms of values that look like secrets.
_SECRET_NAME: Final = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_KEY", re.IGNORECASE)
_SECRET_VALUE: Final = re.compile(r"\bgw_[a-z2-7]{8}_\w{38}\b|://[^/\s:@]*:[^/\s@]+@")


def security_checks(settings: Settings) -> Iterator[Diagnosis]:
    """Tell who reaches the gateway, how often, whether keys count, what others could read, which routes run code."""
    pid = running_pid(settings)
    served_with = running_settings(pid) or settings
    seen = port_owner.addresses_of(pid) if pid else []
    addresses = _addresses(served_with, seen)
    yield from _doors(served_with, addresses, "listens" if seen else "would listen")
    yield from limit_checks(settings, is_wide=bool(exposure.exposed(addresses)))
    ring = Keyring(served_with.keys_path)
    yield from _keys(served_with, ring, is_running=pid != 0)
    yield from token_checks(ring, status.read(settings.status_path).key_set if pid else None)
    yield from file_checks(settings)
    yield from _code(settings)
    yield from _pm2(settings)
    yield from _store(settings)


def _addresses(settings: Settings, seen: Iterable[str]) -> list[str]:
    """Return where a gateway is to listen, or where it was seen listening."""
    told = [*settings.bind, *settings.admin_bind]
    return sorted({*seen, *(one for one in told if one.startswith("unix:"))}) if seen else told


def _doors(settings: Settings, addresses: list[str], what: str) -> Iterator[Diagnosis]:
    try:
        exposure.must_not_be_open(settings, addresses)
    except GatewayError as error:
        yield Diagnosis(False, f"doors: {error.message}", error.hint or "")
        return
    wide = exposure.exposed(addresses)
    reach = "other machines reach it" if wide else "this machine only"
    text = f"doors: it {what} on {', '.join(addresses)}; {reach}"
    if wide and settings.auth == "none":
        yield Diagnosis(
            True,
            f"{text}, and everybody may ask (GATEWAY_AUTH=none)",
            f"start it without GATEWAY_AUTH, after: {exposure.MAKE_A_KEY}",
            is_note=True,
        )
    else:
        yield Diagnosis(True, text)
    for address in (one for one in addresses if one.startswith("unix:")):
        yield from _unix_socket(Path(address.removeprefix("unix:")))


def _unix_socket(path: Path) -> Iterator[Diagnosis]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & stat.S_IRWXO:
        yield Diagnosis(
            False, f"socket {path} has mode {mode:04o}: every user may ask", f"chmod 0660 {shlex.quote(str(path))}"
        )


def _keys(settings: Settings, ring: Keyring, *, is_running: bool) -> Iterator[Diagnosis]:
    if ring.fault is not None:
        yield Diagnosis(False, f"keys: {ring.fault.message}", ring.fault.hint or "")
        return
    if not ring.is_configured:
        if settings.auth == "keys":
            text = "keys: there is none, and GATEWAY_AUTH=keys serves nobody"
            yield Diagnosis(False, text, exposure.MAKE_A_KEY)
        elif is_running and _asks_for_key(settings):
            text = f"keys: the file {ring.path} is gone, and those that were in it go on counting"
            yield Diagnosis(False, text, "restore it; to serve without keys, restart the gateway (make restart)")
        elif fault := _fault_of_name(settings):
            yield Diagnosis(False, f"keys: {fault.message}", fault.hint or "")
        else:
            yield Diagnosis(True, "keys: none; callers need none")
        return
    now = time.time()
    states = [_state_of(key, now) for key in ring.content.keys]
    counts = ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states))
    is_served = bool(ring.content.jwt) or any(one not in ("expired", "revoked") for one in states)
    yield Diagnosis(is_served, f"keys of {settings.keys_path}: {counts or 'none'}", exposure.MAKE_A_KEY)
    for key in ring.content.keys:
        if _state_of(key, now) == "near expiry" and key.expires is not None:
            text = f"key {key.id}{f' ({key.name})' if key.name else ''} expires on {key.expires:%Y-%m-%d}"
            yield Diagnosis(
                True, text, "gateway key create, hand the new one out, then: gateway key revoke " + key.id, True
            )


def _fault_of_name(settings: Settings) -> GatewayError | None:
    try:
        exposure.must_have_named_keys(settings)
    except GatewayError as error:
        return error
    return None


def _asks_for_key(settings: Settings) -> bool:
    """Ask a running gateway what it tells everybody with any key."""
    try:
        return Client(settings.bind[0]).fetch("GET", "/version")[0] == HTTPStatus.UNAUTHORIZED
    except GatewayError:
        return False


def _state_of(key: Key, now: float) -> str:
    if key.revoked is not None:
        return "revoked"
    left = float("inf") if key.expires is None else key.expires.timestamp() - now
    return "expired" if left <= 0 else "near expiry" if left < SOON_S else "valid"


def _code(settings: Settings) -> Iterator[Diagnosis]:
    try:
        routes = load_registry(settings.registry).routes
    except GatewayError:
        return
    for key, what in (
        ("allow_pickle", "pickles that the registry vouches for"),
        ("allow_code", "code of their models"),
    ):
        if named := [route.path for route in routes if getattr(route, key)]:
            text = f"routes with {key}: {', '.join(named)}"
            yield Diagnosis(True, text, f"they load {what}: keep to files whose authors you know", is_note=True)


def _pm2(settings: Settings) -> Iterator[Diagnosis]:
    """Name variables that PM2 wrote down although they look like secrets."""
    for dump in (folder / name for folder in _pm2_homes(settings.home) for name in ("dump.pm2", "dump.pm2.bak")):
        try:
            kept = json.loads(dump.read_bytes())
        except (OSError, ValueError):
            continue
        names = sorted(set(_secrets_in(kept)))
        fix = (
            "take them out of the shell of `make run`, those of MLflow into the file that GATEWAY_MLFLOW_CREDENTIALS "
            "names, then: make stop; make run; scripts/pm2.sh save --force"
        )
        yield Diagnosis(not names, f"secrets that PM2 keeps in {dump}: {', '.join(names) or 'none'}", fix)


def _store(settings: Settings) -> Iterator[Diagnosis]:
    """Say whether the file with the credentials of the MLflow store can be used, or whether there ought to be one."""
    if settings.mlflow_credentials is not None:
        what = f"credentials of the MLflow store in {settings.mlflow_credentials}"
        try:
            names = ", ".join(read_credentials(settings.mlflow_credentials)) or "none"
        except GatewayError as error:
            yield Diagnosis(False, f"{what}: {error.message}", error.hint or "")
        else:
            yield Diagnosis(True, f"{what}: {names}")
    elif settings.mlflow_uri is not None and has_credentials(settings.mlflow_uri):
        text = "GATEWAY_MLFLOW_URI holds a name or a password, which every process of this user's environment gets"
        fix = "write it as GATEWAY_MLFLOW_URI=… into a file (chmod 600), and name that: GATEWAY_MLFLOW_CREDENTIALS"
        yield Diagnosis(True, text, fix, is_note=True)


def _pm2_homes(home: Path) -> Iterator[Path]:
    yield home / "pm2"
    try:
        yield Path((home / REMEMBERED).read_text().strip())
    except OSError:
        return


def _secrets_in(kept: Any) -> Iterator[str]:
    """Yield the names of members whose name or value looks like a secret, never a value."""
    if isinstance(kept, list):
        for one in kept:
            yield from _secrets_in(one)
    elif isinstance(kept, dict):
        for name, value in kept.items():
            if isinstance(value, dict | list):
                yield from _secrets_in(value)
            elif isinstance(value, str) and value and (_SECRET_NAME.search(name) or _SECRET_VALUE.search(value)):
                yield name
