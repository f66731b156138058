"""Write the registry of a promotion, serve it, and tell how it is undone."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.client import Client
from gateway.cli.command import BAD_REGISTRY, FAILED, OK, display_path, print_line, told_settings
from gateway.cli.events import text_of
from gateway.cli.place import place_of
from gateway.errors import GatewayError
from gateway.generations import snapshot, transaction
from gateway.generations.promotion import Promotion
from gateway.generations.snapshot import Snapshot
from gateway.registry.edit_route import EditedRegistry
from gateway.scoreboard import status
from gateway.settings.settings import Settings
from gateway.system import atomic, processes

#: Seconds that the workers of a running gateway have to take a generation before this command stops waiting.
WAIT_S: Final = 60.0
_INTERVAL_S: Final = 0.1
#: Registries of earlier promotions that are kept for going back.
_KEPT: Final = 20


def serve_edited(settings: Settings, edited: EditedRegistry, found: Promotion, before: Snapshot | None) -> int:
    """Write the registry and reload; where the reload is refused, the old file comes back. Returns the exit code."""
    if edited.before == edited.after and before is not None and before.id == found.made.id:
        print_line("registry.yaml and the committed generation say so already")
        return OK
    place = place_of(settings)
    kept = _keep(settings.state_dir, edited.before, before)
    with place.turn():
        edited.write()
    event = transaction.attempt(place, mode="reload", source="gateway promote")
    if event.result == "refused":
        edited.restore()
        print_line(text_of(event))
        print_line(f"{display_path(edited.path)} is as it was; what was served is served on")
        return BAD_REGISTRY
    committed = snapshot.committed(settings.state_dir)
    generation = committed.id if committed is not None else event.generation
    # The watcher of a running gateway may have been faster than this command.
    print_line(text_of(event) if event.result == "committed" else f"committed {generation}")
    code = _served(settings, generation, found.spec.name, found.spec.path)
    for line in _undo(edited.path, kept, before):
        print_line(line)
    return code


def _keep(state_dir: Path, data: bytes, before: Snapshot | None) -> Path:
    """Keep the registry as it was."""
    folder = state_dir / "registries"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"before-{before.id if before is not None else 'first'}-{time.time_ns() // 10**6}.yaml"
    atomic.replace_bytes(path, data, durable=True)
    for old in sorted(folder.glob("before-*.yaml"), key=lambda one: one.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def _served(settings: Settings, generation: str, name: str, path: str) -> int:
    """Wait until the running gateway serves a generation, and tell so; return the exit code."""
    report = status.read(settings.status_path)
    if not processes.is_alive(report.pid, report.began):
        print_line(f"no gateway of {display_path(settings.home)} is running: the next start serves it")
        return OK
    client = Client.of_operators(settings)
    deadline = time.monotonic() + WAIT_S
    health: dict[str, Any] = {}
    while time.monotonic() < deadline:
        try:
            health = client.get("/health")
        except GatewayError as error:
            if error.code in ("unauthorised", "forbidden"):
                print_line(f"the running gateway is not asked: {error.message}; see GATEWAY_KEY_FILE")
                return OK
            health = {}
        if health and _is_served(health, generation):
            break
        time.sleep(_INTERVAL_S)
    else:
        print_line(f"the running gateway does not answer with generation {generation} yet: gateway routes")
        return FAILED
    route = health["routes"].get(path, {})
    if route.get("state") == "FAILED":
        print_line(f"the workers cannot serve it: {route.get('reason', '')}  [{route.get('code', '')}]")
        return FAILED
    workers = health["ready_workers"]
    print_line(f"served by {workers} worker{'' if workers == 1 else 's'}")
    return OK


def _is_served(health: dict[str, Any], generation: str) -> bool:
    is_there = health["generation"] == generation and health["same_generation"]
    return bool(is_there and health["ready_workers"] >= health["expected_workers"])


def _undo(path: Path, kept: Path, before: Snapshot | None) -> Iterator[str]:
    words = told_settings(click.get_current_context())
    if before is not None:
        yield f"undo at once:   {shlex.join(['gateway', 'rollback', before.id, *words])}"
    copy = shlex.join(["cp", str(display_path(kept)), str(display_path(path))])
    yield f"undo the edit:  {copy} && {shlex.join(['gateway', 'reload', *words])}"
