"""Where the faces beside the prediction routes hang: V2, MLflow, documents, console; and the layers around all."""

from flask import Flask

from gateway.executors.thread_pool import NativePool
from gateway.rest.api import GatewayApi
from gateway.rest.describe import documents
from gateway.rest.middleware import compression, cors
from gateway.rest.offload import Offload
from gateway.rest.pages.mount import mount_console
from gateway.rest.predict import check
from gateway.rest.protocols import mlflow, v2, v2_infer, v2_repository
from gateway.routing.live_generation import Generation


def mount_faces(app: Flask, api: GatewayApi, generation: Generation, pool: NativePool, *, has_operations: bool) -> None:
    """
    Mount every face whose paths do not depend on the registry.

    Paths that end in /schema and /invocations are one rule each for all routes: a rule per route would double the
    time that 1,000 routes take to mount.
    """
    offload = Offload(pool)
    cors.install(app)
    compression.install(app, offload)
    _mount_v2(api, offload)
    if has_operations:
        api.mount(documents.OpenApi, "/openapi.json", "openapi", cache=documents.OpenApiCache(), offload=offload)
        api.mount(documents.Docs, "/docs", "docs")
    api.mount(documents.RouteSchema, "/<path:path>/schema", "schema")
    api.mount(check.Check, "/<path:path>/check", "check", offload=offload)
    api.mount(mlflow.Invocations, "/<path:path>/invocations", "invocations", offload=offload)
    mount_console(app, api, generation, offload)
    taken = generation.table.by_path
    # These two were never reserved, so a route of that name goes first.
    if "/ping" not in taken:
        api.mount(mlflow.Ping, "/ping", "ping")
    if "/version" not in taken:
        api.mount(mlflow.Version, "/version", "version")


def _mount_v2(api: GatewayApi, offload: Offload) -> None:
    api.mount(v2.Server, "/v2", "v2")
    api.mount(v2.Live, "/v2/health/live", "v2-live")
    api.mount(v2.Ready, "/v2/health/ready", "v2-ready")
    api.mount(v2.Models, "/v2/models", "v2-models")
    for stem, end in (("/v2/models/<model>", ""), ("/v2/models/<model>/versions/<version>", "-version")):
        api.mount(v2.Model, stem, f"v2-model{end}")
        api.mount(v2.ModelReady, f"{stem}/ready", f"v2-model-ready{end}")
        api.mount(v2_infer.Infer, f"{stem}/infer", f"v2-infer{end}", offload=offload)
    api.mount(v2_repository.RepositoryIndex, "/v2/repository/index", "v2-index")
    api.mount(v2_repository.RepositoryControl, "/v2/repository/models/<model>/<action>", "v2-control")
