"""The door: pairs a generation with its Flask app; the only file that knows every face."""

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from gateway.executors.thread_pool import NativePool
from gateway.generations import history
from gateway.rest import doors
from gateway.rest.api import GatewayApi
from gateway.rest.describe.catalog import Catalog
from gateway.rest.doors import Doors
from gateway.rest.executor_reports import ExecutorReports
from gateway.rest.flask_app import make_app
from gateway.rest.mount import mount_faces
from gateway.rest.offload import Offload
from gateway.rest.ops.health import Health, Live, Ready
from gateway.rest.ops.metrics import Metrics
from gateway.rest.pages.cards import Cards
from gateway.rest.pages.index import Index, IndexData
from gateway.rest.pages.locked import locked_elsewhere
from gateway.rest.pages.model_page import ModelPage
from gateway.rest.pages.page_path import PageOrPrediction
from gateway.rest.predict import reader_slots
from gateway.rest.predict.body_budget import DISK, MEMORY
from gateway.rest.predict.prediction import Prediction
from gateway.rest.predict.spool import SCRATCH
from gateway.rest.predict.steps.limit import METER, meter_in
from gateway.routing.live_generation import Generation
from gateway.scoreboard import Scoreboard, status
from gateway.settings.settings import Settings

log = logging.getLogger("gateway.app")


class Holder:
    """Hold the generation that new requests see."""

    __slots__ = ("generation",)

    def __init__(self, generation: Generation) -> None:
        self.generation = generation

    def current(self) -> Generation:
        """Return the generation of this moment."""
        return self.generation


def create_door(
    holder: Holder, scoreboard: Scoreboard, settings: Settings, pool: NativePool
) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Build what serves every listener: one app, or with GATEWAY_ADMIN_BIND one without the endpoints for operators."""
    whole = create_app(holder, scoreboard, settings, pool)
    if not settings.admin_bind:
        return whole
    return Doors(create_app(holder, scoreboard, settings, pool, has_operations=False), whole)


def create_app(
    holder: Holder, scoreboard: Scoreboard, settings: Settings, pool: NativePool, *, has_operations: bool = True
) -> Flask:
    """
    Build the Flask app for the paths of the holder's generation: one Resource per route and alias.

    Later generations with the same paths are served by the same app through the holder. `pool` lends native threads to
    what would hold the event loop for long. Without operations, what GATEWAY_ADMIN_BIND moves is not mounted.
    """
    app = make_app(fast=settings.fast_dispatch)
    doors.configure(app.config, has_operations=has_operations)
    app.config[SCRATCH] = settings.spool_dir
    app.config[SCRATCH].mkdir(parents=True, exist_ok=True)
    reader_slots.allow(settings.table_memory_mb * 2**20)
    MEMORY.size, DISK.size = settings.body_memory_mb * 2**20, settings.spool_mb * 2**20
    app.config[METER] = meter_in(settings.run_dir, settings.state_dir)
    app.config["MAX_CONTENT_LENGTH"] = holder.generation.snapshot.registry.server.max_body_size
    api = GatewayApi(app, locked_elsewhere)
    read_status = functools.partial(status.read, settings.status_path)
    offload = Offload(pool)
    last = functools.partial(history.last, settings.state_dir)
    executors = ExecutorReports(scoreboard, read_status, settings.metrics_dir)
    for path, route in holder.generation.table.by_path.items():
        resource = PageOrPrediction if path in route.spec.pages else Prediction
        api.mount(resource, path, f"route:{path}", route_name=route.name, offload=offload)
    api.mount(Live, "/health/live", "live")
    api.mount(Ready, "/health/ready", "ready")
    if has_operations:
        api.mount(
            Health,
            "/health",
            "health",
            scoreboard=scoreboard,
            status=read_status,
            last=last,
            executors=executors,
            offload=offload,
        )
        api.mount(Catalog, "/routes", "catalog", workers=settings.workers, executors=executors, offload=offload)
        api.mount(
            Metrics,
            "/metrics",
            "metrics",
            scoreboard=scoreboard,
            status=read_status,
            last=last,
            directory=settings.metrics_dir,
            offload=offload,
        )
    api.mount(
        Index,
        "/",
        "root",
        workers=settings.workers,
        executors=executors,
        offload=offload,
        last=last,
    )
    api.mount(IndexData, "/console", "console", offload=offload, last=last)
    api.mount(
        ModelPage,
        "/console/<name>/model",
        "console-model",
        executors=executors,
        workers=settings.workers,
        cards=Cards(),
        offload=offload,
    )
    mount_faces(app, api, holder.generation, pool, has_operations=has_operations)
    return app
