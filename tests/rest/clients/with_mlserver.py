"""
What a user of MLServer's client-side types and codecs does, against the gateway at argv[1]; prints JSON.

Runs in a virtualenv of its own: imports nothing of this project.
"""

import json
import sys
import urllib.request

import numpy as np
import pandas as pd
from mlserver.codecs import NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, MetadataServerResponse


def call(path: str, request: InferenceRequest) -> InferenceResponse:
    body = request.model_dump_json(exclude_none=True).encode()
    message = urllib.request.Request(f"{sys.argv[1]}{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(message) as answer:
        return InferenceResponse.model_validate_json(answer.read())


def get(path: str) -> bytes:
    with urllib.request.urlopen(f"{sys.argv[1]}{path}") as answer:
        return answer.read()


said = {
    "server": MetadataServerResponse.model_validate_json(get("/v2")).name,
    "inputs": [one.name for one in MetadataModelResponse.model_validate_json(get("/v2/models/loan")).inputs],
}
frame = pd.DataFrame(
    {
        "age_group": ["Young", "Young"],
        "car_type": ["SUV", "SUV"],
        "loanamount": [12342, 50],
        "deposit": [2360.0, 2360.0],
        "area": ["rural", "urban"],
    }
)
answer = call("/v2/models/loan/infer", PandasCodec.encode_request(frame, use_bytes=False))
said["frame"] = PandasCodec.decode_response(answer).to_dict(orient="list")
rows = np.array([[1, 106, 70, 28, 135, 34.2, 0.142, 22], [8, 183, 64, 0, 0, 23.3, 0.672, 32]])
request = NumpyRequestCodec.encode_request(rows)
answer = call("/v2/models/diabetes/infer", request)
said["rows"] = [StringCodec.decode_output(answer.outputs[0])]
texts = StringCodec.encode_input("query", ["that movie was boring", "très beau"], use_bytes=False)
answer = call("/v2/models/sentiment/infer", InferenceRequest(id="7", inputs=[texts]))
said["texts"] = {"id": answer.id, "labels": StringCodec.decode_output(answer.outputs[0])}
print(json.dumps(said))
