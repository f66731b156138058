"""
What a user of KServe's InferenceRESTClient does, against the gateway at argv[1]; prints JSON.

Runs in a virtualenv of its own: imports nothing of this project.
"""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

rows = np.array([[1, 106, 70, 28, 135, 34.2, 0.142, 22], [8, 183, 64, 0, 0, 23.3, 0.672, 32]])


def matrix(*, binary: bool) -> InferRequest:
    tensor = InferInput("rows", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    outputs = [RequestedOutput("probabilities", {"binary_data": binary})]
    return InferRequest("diabetes", [tensor], request_id="k-1", request_outputs=outputs)


def text() -> InferRequest:
    tensor = InferInput("query", [2], "BYTES")
    tensor.set_data_from_numpy(np.array(["that movie was boring", "très beau"], dtype=np.object_), binary_data=False)
    return InferRequest("sentiment", [tensor])


def values(output: InferOutput) -> list:
    return output.as_numpy().tolist()


async def main() -> dict:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    url = sys.argv[1]
    said = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model_ready": await client.is_model_ready(url, "diabetes"),
    }
    for binary in (True, False):
        answer = await client.infer(url, matrix(binary=binary), model_name="diabetes")
        said[f"matrix_{binary}"] = {"id": answer.id, "probabilities": values(answer.outputs[0])}
    answer = await client.infer(url, text(), model_name="sentiment")
    said["texts"] = [one.decode() if isinstance(one, bytes) else one for one in values(answer.outputs[0])]
    try:
        await client.infer(url, matrix(binary=False), model_name="none")
    except Exception as error:  # the client has no class of its own for it
        said["no_such_model"] = str(error)
    await client.close()
    return said


print(json.dumps(asyncio.run(main())))
