"""Ray Serve: one deployment a route with two replicas, the plain request (no FastAPI in between)."""

import os

import native
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.1}, max_ongoing_requests=8)
class Predict:
    def __init__(self, route: str) -> None:
        self.score = native.load(route)

    async def __call__(self, request: Request) -> dict:
        return {"prediction": self.score(await request.json())}


if __name__ == "__main__":
    import sys
    import time

    import ray

    ray.init(include_dashboard=False, num_cpus=2, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False})
    for one in os.environ["BENCH_ROUTES"].split(","):
        serve.run(Predict.bind(one), name=one, route_prefix=f"/{one}")
    while True:
        time.sleep(3600)
