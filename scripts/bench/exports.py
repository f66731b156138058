"""
What peers need of our models: compiled models by path, ONNX exports, MLflow and MLServer folders. Made into the cache.

`python -m bench.exports` makes the first two: in a process of its own, because the gateway configures its process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from onnxruntime import InferenceSession

from bench.inprocess import make_gateway
from bench.lineup import CACHE, EXPORTS, HOME, NATIVE, PEERS, PORT, ROOT, python_of
from bench.questions import QUESTIONS


def prepare_home() -> None:
    """Prepare and commit the gateway's registry, and say where its compiled models lie."""
    gateway = make_gateway(ROOT / "registry.yaml", HOME)
    manifests = {name: route.manifest for name, route in gateway.generation.table.by_name.items()}
    compiled_models = {}
    for name in NATIVE:
        compiled, signature = manifests[name].compiled, manifests[name].signature
        if compiled is None or signature is None:
            continue
        labels = signature.output.labels
        positive = 1 if labels else None
        fields = [(field.name, field.type) for field in signature.inputs]
        compiled_models[name] = {
            "path": compiled.path,
            "sha256": compiled.sha256,
            "fields": fields,
            "positive": positive,
        }
    EXPORTS.mkdir(parents=True, exist_ok=True)
    (EXPORTS / "compiled.json").write_text(json.dumps(compiled_models))


def export_onnx() -> dict[str, str]:
    """Export the three models; return route -> reason where that fails."""
    failed = {}
    for route, export in (("earnings", _earnings), ("diabetes", _diabetes), ("sentiment", _sentiment)):
        path = EXPORTS / f"{route}.onnx"
        if not path.exists():
            try:
                content = export()
                InferenceSession(content, providers=["CPUExecutionProvider"])
                path.write_bytes(content)
            except Exception as error:  # a converter raises whatever it likes; the table says what
                failed[route] = f"{type(error).__name__}: {error}"[:200]
    return failed


def _skops(route: str) -> Any:
    from skops import io  # noqa: PLC0415 - heavy, and only for the export

    path = ROOT / "models" / route / "model.skops"
    return io.load(path, trusted=io.get_untrusted_types(file=path))


def _earnings() -> bytes:
    from skl2onnx import to_onnx  # noqa: PLC0415
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType  # noqa: PLC0415

    model = _skops("earnings")
    encoder = model[0]
    # skl2onnx converts no imputer whose missing value is NaN in text; the request of the benchmark has no gap, so the
    # constant imputers at the head of each chain come off (kinder to this peer than leaving it out).
    encoder.transformers_ = [
        (name, chain[1:] if hasattr(chain, "steps") else chain, columns)
        for name, chain, columns in encoder.transformers_
    ]
    types = [
        (name, StringTensorType([None, 1]) if isinstance(value, str) else FloatTensorType([None, 1]))
        for name, value in QUESTIONS["earnings"].fields.items()
    ]
    content: bytes = to_onnx(model, initial_types=types).SerializeToString()
    return content


def _diabetes() -> bytes:
    from onnxmltools import convert_xgboost  # noqa: PLC0415
    from onnxmltools.convert.common.data_types import FloatTensorType  # noqa: PLC0415
    from xgboost import XGBClassifier  # noqa: PLC0415

    model = XGBClassifier()
    model.load_model(ROOT / "models" / "diabetes" / "model.ubj")
    model.get_booster().feature_names = None  # the converter wants f0, f1, …
    width = len(QUESTIONS["diabetes"].fields)
    content: bytes = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, width]))]).SerializeToString()
    return content


def _sentiment() -> bytes:
    from skl2onnx import to_onnx  # noqa: PLC0415
    from skl2onnx.common.data_types import StringTensorType  # noqa: PLC0415

    model = _skops("sentiment")
    types = [("query", StringTensorType([None, 1]))]
    content: bytes = to_onnx(model, initial_types=types, options={id(model): {"zipmap": False}}).SerializeToString()
    return content


def write_mlserver(workers: int) -> None:
    """Write the settings of MLServer and of its three models."""
    folder = CACHE / "mlserver"
    for route in NATIVE:
        (folder / route).mkdir(parents=True, exist_ok=True)
        about = {"name": route, "implementation": f"runtime.{route.title()}"}
        (folder / route / "model-settings.json").write_text(json.dumps(about))
    settings = {
        "host": "127.0.0.1", "http_port": PORT, "grpc_port": PORT + 1, "metrics_port": PORT + 2,
        "parallel_workers": workers, "debug": False,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))


def save_mlflow(route: str) -> None:
    """Save a model in MLflow's format unless it is there."""
    target = CACHE / "mlflow" / route
    if not target.exists():
        environ = {"BENCH_MODELS": str(ROOT / "models"), "PYTHONPATH": str(PEERS), "PATH": "/usr/bin:/bin"}
        command = [python_of("mlflow"), str(PEERS / "mlflow" / "save.py"), route, str(target)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise RuntimeError(f"mlflow save_model failed: {done.stderr[-300:]}")


def write_csv(rows: int) -> Path:
    """Write the insurance rows, made up by the model's own generator, and return the file."""
    from models.insurance.synthetic import TARGET, generate  # noqa: PLC0415 - pandas, and only for this

    path = CACHE / f"insurance-{rows}.csv"
    if not path.exists():
        table, _ = generate(rows, 7)
        table.drop(columns=TARGET).to_csv(path, index=False)
    return path


def main() -> None:
    """Prepare the registry and export; print as JSON what could not be exported."""
    prepare_home()
    print(json.dumps(export_onnx()))
    sys.stdout.flush()
    os._exit(0)  # the pool and the JVM would wait for calls that never come


if __name__ == "__main__":
    main()
