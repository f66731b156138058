"""
Record what MLflow's own scoring server answers for the models of rest/flavours.py; prints JSON.

    uv pip install mlflow==3.17.2 scikit-learn==1.9.1 lightgbm==4.7.0 catboost==1.2.10 onnxruntime skl2onnx skops
    python tests/rest/clients/mlflow_flavours.py > tests/rest/recorded_flavours.json
"""

import importlib
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import uvicorn
from fastapi import FastAPI
from mlflow.pyfunc import scoring_server

sys.path.insert(0, str(Path(__file__).parent.parent))
from flavours import FORMS, train

PORT = 18819


def ask(name: str, body: Any) -> Any:
    """Return the predictions of the server, None where it fails."""
    text, kind = (body, "text/csv") if isinstance(body, str) else (json.dumps(body), "application/json")
    url = f"http://127.0.0.1:{PORT}/{name}/invocations"
    request = urllib.request.Request(url, text.encode(), {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["predictions"]
    except urllib.error.HTTPError:
        return None


def serve(folder: Path) -> list[str]:
    """Serve each model as `mlflow models serve` does, below its name; return the names."""
    app, names = FastAPI(), []
    for name, (flavour, fitted, _) in train(folder).items():
        importlib.import_module(f"mlflow.{flavour}").save_model(fitted, folder / name, pip_requirements=[])
        app.mount(f"/{name}", scoring_server.init(mlflow.pyfunc.load_model(str(folder / name))))
        names.append(name)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=PORT, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.1)
    return names


with tempfile.TemporaryDirectory() as scratch:
    names = serve(Path(scratch))
    found = {name: {form: ask(name, body) for form, body in FORMS.items()} for name in names}
    print(json.dumps(found, indent=1, ensure_ascii=False))
