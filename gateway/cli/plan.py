"""`gateway plan`: show what `gateway reload` would do, without doing it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from gateway.artifacts.manifest import Manifest
from gateway.cli.command import BAD_REGISTRY, OK, Command, display_path, print_line
from gateway.cli.import_cost import import_cost
from gateway.cli.place import limits_of, place_of
from gateway.generations import snapshot, upgrade_check
from gateway.generations.plan import Step, steps
from gateway.prepare.entries import prepare_registry
from gateway.prepare.process_entry import environments_to_build
from gateway.process.environment import configure_process
from gateway.registry.load import load_registry
from gateway.registry.spec import RegistrySpec
from gateway.settings.settings import Settings

#: Kind of executor -> what holds a model in memory.
_HOLDERS: Final = {"h2o_server": "process", "process": "process", "ray": "replica"}


@click.command("plan", cls=Command, writes_home=True)
def plan(settings: Settings) -> int:
    """
    Prepare what registry.yaml says now and compare it with the committed generation: routes, schema changes that break
    clients, load time, memory. Exit code 78 when the reload would be refused.
    """
    configure_process(settings)
    before = snapshot.committed(settings.state_dir)
    written = load_registry(display_path(settings.registry), root_path=settings.root_path)
    resolved = place_of(settings).resolve(written, before, "all")
    registry = resolved.registry
    for line in _environments(registry, settings.cache_dir):
        print_line(line)
    manifests = prepare_registry(registry, settings.cache_dir, limits_of(settings))
    checked = upgrade_check.rechecked(before, settings.cache_dir, limits_of(settings)) if before else None
    new = snapshot.make(registry, manifests)
    found = steps(before, new)
    print_line(f"from generation {before.id if before else 'none'} to {new.id}")
    for step in found:
        print_line(_line(step))
    if not found:
        print_line("nothing changes for the routes")
    for warning in resolved.warnings:
        print_line(f"  warning: {warning}")
    stopped = upgrade_check.stopped_routes(before, checked) if before and checked else {}
    for path, manifest in stopped.items():
        print_line(_stop_line(path, manifest))
    if stopped:
        print_line("the next start stops these: no committed generation covers what is wrong or unsafe")
    refused = [step for step in found if step.kind == "failed"]
    if refused:
        print_line("the reload would be refused; the generation that serves would go on")
    return BAD_REGISTRY if refused else OK


def _environments(registry: RegistrySpec, cache_dir: Path) -> Iterator[str]:
    """Yield one line for each environment that is to be built, before it is; a fault of it is told by its route."""
    for key, (plan, paths) in environments_to_build(registry, cache_dir).items():
        yield f"  builds   environment {key} of {', '.join(paths)}: {plan.label}"


def _stop_line(path: str, found: Manifest) -> str:
    problem = found.problem
    if problem is None:
        return f"  stops    {path}"
    return f"  stops    {path}  {problem.message}  [{problem.code}]\n           fix: {problem.hint}"


def _line(step: Step) -> str:
    kind = step.executor.rpartition("-> ")[2].partition(",")[0]
    size = f"{step.memory_bytes / 2**20:.0f} MB per {_HOLDERS.get(kind, 'worker')}"
    cost = f"loads in {step.load_s:.2f} s, {size}" if step.load_s else ""
    head = f"  {step.kind:8} {step.path}  {step.note or cost}".rstrip()
    model = [f"           {step.model}"] if step.model else []
    model += [f"           executor: {step.executor}"] if step.executor else []
    model += [f"           fix: {step.fix}"] if step.fix else []
    model += [f"           {cost}" for cost in [import_cost(step.imports)] if cost] if step.imports else []
    warnings = (f"           warning: {text}" for text in step.warnings)
    return "\n".join([head, *model, *(f"           breaks clients: {text}" for text in step.breaking), *warnings])
