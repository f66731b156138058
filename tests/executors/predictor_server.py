"""Serve any predictor by the Open Inference Protocol, as a server elsewhere would: what executors are held against."""

import socket
from typing import Any

import numpy as np

from executors.v2_server import Reply, Request, V2Server, answer, decoded
from gateway.artifacts.remote_tensors import RemoteTensors, tensors_of
from gateway.codecs.v2_binary import write_raw
from gateway.schema import MISSING, Predictor, make_column


def serve(predictor: Predictor, place: str | int) -> V2Server:
    """Return a server of model `m` that answers what the predictor does."""
    tensors = tensors_of(predictor.signature)

    def behave(request: Request, connection: "socket.socket") -> Reply:
        try:
            found = predictor.predict(_columns(request, predictor))
        except Exception as error:
            return answer(500, {"error": str(error)})
        given = {"prediction": found.values, "probabilities": found.probabilities}
        shown, raw = [], b""
        for tensor in tensors.outputs:
            values = np.asarray(given[tensor.name])
            content = write_raw(tensor.datatype, values.reshape(-1).tolist())
            parameters = {"binary_data_size": len(content)}
            shown.append(
                {
                    "name": tensor.name,
                    "datatype": tensor.datatype,
                    "shape": list(values.shape),
                    "parameters": parameters,
                }
            )
            raw += content
        return answer(200, {"outputs": shown}, raw=raw)

    return V2Server(place, metadata=metadata_of(tensors), always=behave)


def metadata_of(tensors: RemoteTensors) -> dict[str, Any]:
    """Return metadata that tell of these tensors."""
    told = {
        key: [
            {"name": one.name, "datatype": one.datatype, "shape": [-1, one.width] if one.width else [-1]}
            for one in listed
        ]
        for key, listed in (("inputs", tensors.inputs), ("outputs", tensors.outputs))
    }
    return {"name": "m", "versions": ["1"], "platform": "test", **told}


def _columns(request: Request, predictor: Predictor) -> list[Any]:
    arrived = {tensor.name: tensor.values for tensor in decoded(request).inputs}
    return [
        make_column(field.column_type, [MISSING if value is None else value for value in arrived[field.name]])
        for field in predictor.signature.inputs
    ]
