"""
The WSGI application of this measurement: Flask-RESTful resources around a no-op, two models and two bad neighbours.

Knows the routes; which dispatch runs their predicts comes from the environment (BENCH_DISPATCH).
"""

from __future__ import annotations

import ctypes
import math
import os
import time
from typing import Any

import jpype
import msgspec
import numpy as np
import onnxruntime as ort
from dispatch import Call, Dispatch, Full, Gated, NativePool, Plain
from flask import Flask, Response, request
from flask_restful import Api, Resource

from artifacts import CATEGORIES, JAR, MOJO, NUMBERS, ONNX, ROW

LIMIT, QUEUE, POOL_THREADS = 2, 16, 8
SLOW_S, SPIN_S = 2.0, 0.020
JVM_FLAGS = (
    "-Xms8m", "-Xmx96m", "-XX:+UseSerialGC", "-Xrs", "-Xshare:auto", "-Xss512k", "-XX:ReservedCodeCacheSize=32m",
    "-XX:MaxMetaspaceSize=64m", "-XX:-UsePerfData",
)  # fmt: skip
WARM_UP = 300
# The C function blocks the thread under every worker class, also where time.sleep is patched.
_usleep = ctypes.CDLL(None).usleep


def make_dispatch() -> Dispatch:
    """Return the dispatch that BENCH_DISPATCH names."""
    kind = os.environ.get("BENCH_DISPATCH", "plain")
    if kind == "pool":
        return NativePool(LIMIT, QUEUE, POOL_THREADS)
    return Gated(LIMIT, QUEUE, 128) if kind == "gate" else Plain()


class OnnxModel:
    """Score one row with ONNX Runtime in the calling thread."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(str(ONNX), options, providers=["CPUExecutionProvider"])

    def predict(self, row: dict[str, Any]) -> float:
        feed = {name: np.array([[row[name]]], dtype=object) for name in CATEGORIES}
        feed |= {name: np.array([[row[name]]], dtype=np.float32) for name in NUMBERS}
        return float(self._session.run(None, feed)[0][0, 0])


class MojoModel:
    """Score one row with the MOJO in this process's JVM; make it after the fork."""

    def __init__(self) -> None:
        jpype.startJVM(*JVM_FLAGS, classpath=[str(JAR)], convertStrings=False)
        self._model = jpype.JClass("hex.genmodel.MojoModel").load(str(MOJO))
        count = int(self._model.nfeatures())
        self._names = [str(name) for name in self._model.getNames()][:count]
        self._levels = [self._read_levels(i) for i in range(count)]
        self._doubles = jpype.JArray(jpype.JDouble)
        self._size = int(self._model.getPredsSize(self._model.getModelCategory()))

    def _read_levels(self, index: int) -> dict[str, float] | None:
        domain = self._model.getDomainValues(index)
        return None if domain is None else {str(level): float(i) for i, level in enumerate(domain)}

    def predict(self, row: dict[str, Any]) -> float:
        values = [
            float(row[name]) if levels is None else levels.get(row[name], math.nan)
            for name, levels in zip(self._names, self._levels, strict=True)
        ]
        return float(self._model.score0(self._doubles(values), self._doubles(self._size))[0])


def spin() -> float:
    """Hold the GIL for SPIN_S of pure Python."""
    end = time.perf_counter() + SPIN_S
    while time.perf_counter() < end:
        pass
    return 0.0


def slow() -> float:
    """Block the native thread for SLOW_S."""
    _usleep(int(SLOW_S * 1e6))
    return 0.0


def create_app() -> Flask:
    """Load both models, warm them up, and mount every route."""
    dispatch, onnx, mojo = make_dispatch(), OnnxModel(), MojoModel()
    for _ in range(WARM_UP):
        onnx.predict(dict(ROW))
        mojo.predict(dict(ROW))
    decoder, encoder = msgspec.json.Decoder(), msgspec.json.Encoder()
    pid = str(os.getpid())

    def answer(route: str, call: Call, *, fast: bool) -> Response:
        try:
            value = dispatch.run(route, call, fast=fast)
        except Full:
            return Response(b'{"title":"queue full"}', 503, {"Retry-After": "1"}, "application/json")
        return Response(encoder.encode({"prediction": value}), 200, {"X-Pid": pid}, "application/json")

    class Noop(Resource):  # type: ignore[misc]  # flask_restful has no types
        def post(self) -> Response:
            decoder.decode(request.get_data())
            return Response(b'{"prediction":0}', 200, {"X-Pid": pid}, "application/json")

    class Model(Resource):  # type: ignore[misc]
        def post(self, name: str) -> Response:
            row = decoder.decode(request.get_data())
            predict = onnx.predict if name.startswith("onnx") else mojo.predict
            return answer(name, lambda: predict(row), fast=name in FAST)

    class Neighbour(Resource):  # type: ignore[misc]
        def post(self, name: str) -> Response:
            request.get_data()
            return answer(name, slow if name == "slow" else spin, fast=False)

    app = Flask(__name__)
    api = Api(app)
    api.add_resource(Noop, "/noop")
    api.add_resource(Model, "/<any('onnx','onnx-pool','mojo','mojo-inline'):name>")
    api.add_resource(Neighbour, "/<any('slow','spin'):name>")
    return app


# In the pool variant the MOJO has both ways, to price the pool; with a gate "fast" means the shared gate.
FAST = {"onnx", "mojo-inline"} if os.environ.get("BENCH_DISPATCH") == "pool" else {"onnx", "mojo", "mojo-inline"}
