"""FastAPI in front of an H2O server: take a CSV, score it there, answer {id: label}."""

import tempfile

import backend
import h2o
from fastapi import FastAPI, UploadFile

MODEL = backend.model("insurance")
LEVELS = ("Region_Code", "Policy_Sales_Channel", "Gender", "Vehicle_Age", "Vehicle_Damage")
app = FastAPI()


@app.get("/health")
def health():
    return {}


@app.post("/insurance")
def predict(file: UploadFile) -> dict[str, int]:
    with tempfile.NamedTemporaryFile(suffix=".csv") as spooled:
        spooled.write(file.file.read())
        spooled.flush()
        frame = h2o.import_file(spooled.name, col_types=dict.fromkeys(LEVELS, "enum"))
        found = MODEL.predict(frame)["predict"].as_data_frame(use_multi_thread=False)["predict"]
        ids = frame["id"].as_data_frame(use_multi_thread=False)["id"]
        h2o.remove(frame)
    return dict(zip(map(str, ids), map(int, found)))
