"""What `gateway doctor` finds out of Pythons, environments, and the network of models in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator

from gateway.cli.diagnosis import Diagnosis
from gateway.environments import interpreters, uv
from gateway.environments.wanted import Wanted, environment_for, to_build
from gateway.errors import GatewayError
from gateway.prepare.process_entry import wanted_of
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings


def network_refusal() -> str:
    """Ask a separate process why it cannot leave the network; '' if it can."""
    code = "from gateway.prepare.sandbox import cut_network; print(cut_network())"
    asked = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else (asked.stderr.strip().splitlines() or ["no answer"])[-1]


def environment_checks(settings: Settings) -> Iterator[Diagnosis]:
    """Tell which Pythons models may run on, and whether each environment that a route needs is there and runs."""
    wanted = _wanted(settings)
    pythons = ", ".join(f"{one.version} ({one.path})" for one in interpreters.known())
    yield Diagnosis(True, f"Pythons for models in processes of their own: {pythons}")
    if not wanted:
        return
    try:
        yield Diagnosis(True, f"uv, which builds environments: {uv.find_uv()}")
    except GatewayError as error:
        needs = any(one.requirements is not None for one in wanted.values())
        yield Diagnosis(not needs, f"uv, which builds environments: {error.message}", error.hint or "", not needs)
    for path, one in wanted.items():
        yield _environment(path, one, settings)
    refusal = network_refusal()
    if refusal:
        fix = "allow user namespaces to this user, or keep to models that you trust"
        yield Diagnosis(True, f"models in processes keep their network: {refusal}", fix, True)


def _environment(path: str, wanted: Wanted, settings: Settings) -> Diagnosis:
    try:
        plan = to_build(wanted, settings.cache_dir)
        if plan is not None and plan.found() is None:
            return Diagnosis(True, f"environment of {path}: to be built, {plan.label}", "gateway prepare", True)
        found = environment_for(wanted, settings.cache_dir)
    except GatewayError as error:
        return Diagnosis(False, f"environment of {path}: {error.message}", error.hint or "")
    return Diagnosis(True, f"environment of {path}: {found.label}")


def _wanted(settings: Settings) -> dict[str, Wanted]:
    """Return the environments of the registry's routes; of a registry that cannot be read, none."""
    try:
        registry = load_registry(settings.registry)
    except GatewayError:
        return {}
    return {one.path: wanted_of(one) for one in registry.routes if one.executor.kind == "process"}
