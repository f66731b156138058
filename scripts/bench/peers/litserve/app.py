"""LitServe: one LitAPI a route, two workers each on the CPU."""

import os
import sys

import litserve
import native


class Predict(litserve.LitAPI):
    def __init__(self, route):
        super().__init__(api_path=f"/{route}")
        self.route = route

    def setup(self, device):
        self.score = native.load(self.route)

    def decode_request(self, request):
        return request

    def predict(self, fields):
        return self.score(fields)

    def encode_response(self, value):
        return {"prediction": value}


if __name__ == "__main__":
    apis = [Predict(route) for route in os.environ["BENCH_ROUTES"].split(",")]
    server = litserve.LitServer(apis, accelerator="cpu", workers_per_device=2)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=2,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
