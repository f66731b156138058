"""The usual H2O recipe: h2o.init() in the web app, an H2OFrame for every request."""

import backend
import h2o
from flask import Flask, request

MODEL = backend.model("loan")
app = Flask(__name__)


@app.get("/health")
def health():
    return {}


@app.post("/loan")
def predict():
    fields = request.get_json()
    levels = {name: "enum" for name, value in fields.items() if isinstance(value, str)}
    frame = h2o.H2OFrame({name: [value] for name, value in fields.items()}, column_types=levels)
    found = MODEL.predict(frame).as_data_frame(use_multi_thread=False)
    h2o.remove(frame)
    return {"prediction": float(found["approved"][0])}
