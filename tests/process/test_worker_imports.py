"""A worker carries what answers requests: no compiler, no explainer and nothing that prepares, not even before its fork."""

import json
from typing import Any

import serving
from serving import Gateway

#: Code of a route that tells what the worker around it has imported.
PROBE = """
import json, sys


def names(x: float) -> str:
    return json.dumps(sorted(sys.modules))
"""


def test_a_worker_of_the_five_models_has_no_compiler_and_no_preparing(gateway: Any, tmp_path: Any) -> None:
    """After a predict of each model, the modules of a real worker are read by a route that it serves itself."""
    (tmp_path / "probe.py").write_text(PROBE)
    registry = serving.absolute((serving.ROOT / "registry.yaml").read_text(encoding="utf-8"))
    server: Gateway = gateway(f"{registry}\n  /probe: {{artifact: {tmp_path}/probe.py:names}}\n", workers=1)
    routes = server.get("/routes").json["routes"]
    for route in routes:
        if route["path"] != "/probe":
            assert server.post(route["path"], route["sample"]).status == 200
    assert len(routes) == 6
    found = json.loads(server.post("/probe", {"x": 1}).json["prediction"])
    assert {"gateway.routing.model", "gateway.runtimes.matrix", "gateway.executors.local"} <= set(found)
    heavy = (
        "gateway.compilers",
        "gateway.prepare",
        "gateway.cli.serve.",
        "sklearn",
        "pandas",
        "xgboost",
        "jpype",
        "onnx.",
        "gateway.explainers",
        "gateway.environments",
        "gateway.loaders.mlflow_yaml",
        "packaging.requirements",
    )
    assert [name for name in found if name.startswith(heavy)] == []
