"""
What a user of tritonclient[http] does, against the gateway at argv[1]; prints what came back as JSON.

Runs in a virtualenv of its own: imports nothing of this project.
"""

import json
import sys

import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1].removeprefix("http://"))
said = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready("diabetes"),
    "unknown_ready": client.is_model_ready("diabetes", "none-such"),
    "server": client.get_server_metadata(),
    "metadata": client.get_model_metadata("diabetes"),
    "index": client.get_model_repository_index(),
}


def tensor(name: str, values: np.ndarray, datatype: str, *, binary: bool) -> triton.InferInput:
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


rows = np.array([[1, 106, 70, 28, 135, 34.2, 0.142, 22], [8, 183, 64, 0, 0, 23.3, 0.672, 32]])
for binary in (True, False):
    answer = client.infer(
        "diabetes",
        [tensor("rows", rows, "FP64", binary=binary)],
        outputs=[
            triton.InferRequestedOutput("probabilities", binary_data=binary),
            triton.InferRequestedOutput("prediction", binary_data=binary),
        ],
        request_id="41",
    )
    said[f"matrix_{binary}"] = {
        "id": answer.get_response()["id"],
        "probabilities": answer.as_numpy("probabilities").tolist(),
        "labels": [text.decode() if isinstance(text, bytes) else text for text in answer.as_numpy("prediction")],
    }

texts = np.array(["that movie was boring", "wonderful, moving, a joy — très beau"], dtype=np.object_)
answer = client.infer("sentiment", [tensor("query", texts, "BYTES", binary=True)])
said["texts"] = [text.decode() for text in answer.as_numpy("prediction")]

words = {"age_group": "Young", "car_type": "SUV", "area": "rural"}
numbers = {"loanamount": 12342.0, "deposit": 2360.0}
columns = [tensor(name, np.array([[word]], dtype=np.object_), "BYTES", binary=True) for name, word in words.items()]
columns += [
    tensor(name, np.array([[number]], dtype=np.float32), "FP32", binary=True) for name, number in numbers.items()
]
answer = client.infer("loan", columns)
said["loan"] = {
    "label": answer.as_numpy("prediction")[0].decode(),
    "probabilities": answer.as_numpy("probabilities").tolist(),
}

for name, call in {
    "no_such_model": lambda: client.infer("none", [tensor("x", rows, "FP64", binary=True)]),
    "wrong_width": lambda: client.infer("diabetes", [tensor("x", rows[:, :3], "FP64", binary=True)]),
    "no_load": lambda: client.load_model("diabetes"),
}.items():
    try:
        call()
    except triton.InferenceServerException as error:
        said[name] = error.message()
print(json.dumps(said))
