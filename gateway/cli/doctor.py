"""`gateway doctor`: list what is missing in this environment, what needs it, and how to install it."""

import importlib
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from gateway import __version__
from gateway.cli import home_user
from gateway.cli.command import FAILED, OK, Command, print_line
from gateway.cli.diagnosis import Diagnosis
from gateway.cli.environment_checks import environment_checks, network_refusal
from gateway.cli.place import limits_of
from gateway.cli.security_checks import security_checks
from gateway.cli.server_checks import server_checks
from gateway.errors import GatewayError
from gateway.generations import snapshot, upgrade_check
from gateway.loaders import get_loader, package_versions
from gateway.loaders.sniffing import sniff
from gateway.loaders.table import BUNDLE, loader_names
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings
from gateway.system import descendants, obstacles, private_folders

#: With less free space a batch, a prepare or a log may fill the disk at any moment.
MIN_FREE_BYTES = 500 * 2**20


@click.command("doctor", cls=Command)
def doctor(settings: Settings) -> int:
    """
    Check packages of every loader, Java, Node, the registry, writable folders and disk space; who reaches the gateway,
    and what others could read of it; ask every server that a route asks. A loader that no route uses may lack its
    package: a note. Exit code 1 when something is missing.
    """
    is_well = True
    for diagnosis in (
        *_machine(),
        *_loaders(settings),
        *_java(),
        *_manager(),
        *environment_checks(settings),
        *server_checks(settings),
        *_home(settings),
    ):
        is_well &= diagnosis.is_well
        print_line(f"{diagnosis.mark:<4}  {diagnosis.text}")
        if diagnosis.fix and diagnosis.mark != "ok":
            print_line(f"      fix: {diagnosis.fix}")
    return OK if is_well else FAILED


def _machine() -> Iterator[Diagnosis]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Diagnosis(True, f"gateway {__version__}, Python {platform.python_version()}, {sys.platform}, {cores} cores")
    if sys.platform != "linux":
        yield Diagnosis(True, "not Linux: orphans of a killed arbiter end a little later, memory is not measured")
    reason = network_refusal()
    kept = f"keep their network, the kernel does not cut it ({reason}); opening a socket still ends them"
    yield Diagnosis(True, f"prepare children of models: {kept if reason else 'without a network'}")


def _loaders(settings: Settings) -> Iterator[Diagnosis]:
    used = _used_loaders(settings)
    for name in loader_names():
        try:
            get_loader(name)
        except GatewayError as error:
            is_note = error.code == "missing-extra" and name not in used
            unused = "; no route uses it" if is_note else ""
            yield Diagnosis(is_note, f"loader {name}: {error.message}{unused}", error.hint or "", is_note)
        else:
            found = ", ".join(f"{package} {number}" for package, number in package_versions(name).items())
            yield Diagnosis(True, f"loader {name}: {found or 'needs nothing'}")
    both = [name for name in ("xgboost", "xgboost-cpu") if _installed(name)]
    if len(both) > 1:
        yield Diagnosis(
            False, "xgboost and xgboost-cpu hold the same module; whichever came last won", _pip_uninstall()
        )


def _used_loaders(settings: Settings) -> set[str]:
    """Return the loaders of the registry's routes; of a registry that cannot be read, none."""
    try:
        registry = load_registry(settings.registry)
    except GatewayError:
        return set()
    bundles = [route for route in registry.routes if route.loader == BUNDLE]
    inner = {loader for route in bundles for name in route.sources for loader in sniff(Path(route.base) / name, name)}
    return inner | {route.loader for route in registry.routes}


def _pip_uninstall() -> str:
    return "pip uninstall xgboost xgboost-cpu, then install one of them"


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _java() -> Iterator[Diagnosis]:
    if importlib.util.find_spec("jpype") is None:
        return
    try:
        yield Diagnosis(
            True, f"Java for H2O models: {importlib.import_module('gateway.loaders.h2o_runtime').find_jvm()}"
        )
    except GatewayError as error:
        yield Diagnosis(False, f"Java for H2O models: {error.message}", error.hint or "")


def _manager() -> Iterator[Diagnosis]:
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    yield Diagnosis(Path(node).exists(), f"Node for PM2: {node}", "make setup (`gateway serve` needs neither)")


def _home(settings: Settings) -> Iterator[Diagnosis]:
    """Look at the home of a gateway, as its user: to others it says nothing, or the opposite."""
    if fault := home_user.of_another(settings) or home_user.closed(settings):
        yield Diagnosis(False, f"run-time state: {fault.message}", fault.hint or "")
        return
    yield from _places(settings)
    yield from security_checks(settings)
    yield from _upgrade(settings)


def _places(settings: Settings) -> Iterator[Diagnosis]:
    yield Diagnosis(settings.registry.exists(), f"registry: {settings.registry}", "set GATEWAY_REGISTRY, or write one")
    home = settings.home if settings.home.exists() else settings.home.parent
    writable = os.access(home, os.W_OK)
    yield Diagnosis(writable, f"run-time state: {settings.home}", "make it writable, or set GATEWAY_HOME")
    if (found := obstacles.in_the_way(settings.cache_dir)) is not None:
        why, hint = found
        yield Diagnosis(False, f"cache: {why}", hint)
    if settings.home.exists():
        fault = private_folders.fault_of(settings.home)
        yield Diagnosis(not fault, f"only this user may use it: {fault or 'yes'}", f"chmod 0700 {settings.home}")
    free = shutil.disk_usage(home).free
    left = descendants.left_behind(settings.home)
    named = f": {descendants.described(left)}" if left else ""
    yield Diagnosis(not left, f"processes that models left behind{named or ': none'}", "gateway stop, or make stop")
    yield Diagnosis(free > MIN_FREE_BYTES, f"free disk there: {free / 2**30:.1f} GiB", "free some space")


def _upgrade(settings: Settings) -> Iterator[Diagnosis]:
    """Name the routes of the committed generation that this release would no longer serve."""
    before = snapshot.committed(settings.state_dir)
    if before is None:
        return
    checked = upgrade_check.rechecked(before, settings.cache_dir, limits_of(settings))
    for path, found in upgrade_check.stopped_routes(before, checked).items():
        if found.problem is not None:
            text = f"route {path} stops at the next start: {found.problem.message}  [{found.problem.code}]"
            yield Diagnosis(False, text, found.problem.hint or "")
