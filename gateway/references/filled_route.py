"""The entry of a route with what its reference names, and with the loader of that; code is not run from a store."""

from dataclasses import replace
from pathlib import Path

from gateway.artifacts.resolution import Resolution
from gateway.errors import Problem
from gateway.loaders import unknown
from gateway.loaders.sniffing import sniff
from gateway.registry.spec import RouteSpec


def filled(spec: RouteSpec, found: Resolution) -> RouteSpec:
    """Return the entry of a route with what its reference names, and with the loader of that."""
    if found.problem is not None:
        return replace(spec, resolved=found)
    path = Path(found.path)
    fitting = (spec.loader,) if spec.loader else sniff(path, path.name)
    if "python" in fitting:
        problem = Problem(
            "mlflow-code",
            f"'{spec.reference}' is Python code, which is not run from a store",
            "put the file beside the registry and name it: artifact: FILE.py",
        )
        return replace(spec, resolved=replace(found, problem=problem))
    if len(fitting) == 1:
        return replace(spec, resolved=found, loader=fitting[0])
    return replace(spec, resolved=replace(found, problem=unknown(path, spec.reference).as_problem()))
