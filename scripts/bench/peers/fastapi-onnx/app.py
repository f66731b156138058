"""FastAPI with a pydantic body and the model in ONNX Runtime (BENCH_COMPILED=0), or our own compiled model (BENCH_TWIN=1)."""

import json
import os
from pathlib import Path

import bodies
import numpy as np
from fastapi import FastAPI

EXPORTS = Path(os.environ["BENCH_EXPORTS"])
app = FastAPI()


@app.get("/health")
async def health():
    return {}


def compiled(route):
    from gateway.runtimes import load_compiled

    about = json.loads((EXPORTS / "compiled.json").read_text())[route]
    predictor = load_compiled(Path(about["path"]), about["sha256"])
    pairs = [(name, np.dtype(object if kind == "string" else float)) for name, kind in about["fields"]]
    positive = about["positive"]

    def score(body):
        found = predictor.predict([np.array([getattr(body, name)], dtype=kind) for name, kind in pairs])
        return float(found.values[0]) if positive is None else found.probabilities[0, positive].item()

    return score


def onnx(route):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(EXPORTS / f"{route}.onnx", options, providers=["CPUExecutionProvider"])
    inputs = [(one.name, object if "string" in one.type else np.float32) for one in session.get_inputs()]
    if route == "earnings":
        return lambda body: session.run(
            None, {name: np.array([[getattr(body, name)]], dtype=kind) for name, kind in inputs}
        )[0].item()
    name = inputs[0][0]
    if route == "diabetes":
        names = list(bodies.Diabetes.model_fields)
        return lambda body: session.run(
            ["probabilities"], {name: np.array([[getattr(body, one) for one in names]], dtype=np.float32)}
        )[0][0, 1].item()
    return lambda body: session.run(["probabilities"], {name: np.array([[body.query]], dtype=object)})[0][0, 1].item()


load = compiled if os.environ["BENCH_COMPILED"] == "1" else onnx


def mount(route):
    score, body_type = load(route), bodies.BODIES[route]

    async def predict(body: body_type) -> bodies.Answer:
        return bodies.Answer(prediction=score(body))

    app.post(f"/{route}")(predict)


for one in os.environ["BENCH_ROUTES"].split(","):
    mount(one)
