"""
Executors run predicts within a deadline: in the event loop or in native threads; other processes and servers join here.

An executor is synchronous for its caller, keeps the deadline and holds no queue (the bulkhead sits above). Predicts
proven short run in the event loop, all others in native threads that end or are counted as stuck.
"""

import importlib
from typing import Final, cast

from gateway.artifacts.manifest import Manifest
from gateway.executors.base import Executor
from gateway.executors.thread_pool import NativePool
from gateway.loaders.base import LoadOptions

#: Kind -> its executor: names only, so that a worker imports the one that a model needs.
EXECUTORS: Final[dict[str, str]] = {
    "h2o_server": "gateway.executors.process:ProcessExecutor",
    "local": "gateway.executors.local:LocalExecutor",
    "process": "gateway.executors.process:ProcessExecutor",
    "ray": "gateway.executors.ray:RayExecutor",
    "upstream": "gateway.executors.upstream:UpstreamExecutor",
}


def make_executor(manifest: Manifest, options: LoadOptions, pool: NativePool) -> Executor:
    """Return the executor of the place where a prepared model answers, not started."""
    kind = manifest.remote.kind if manifest.remote is not None else "local"
    module, _, name = EXECUTORS[kind].partition(":")
    return cast(type[Executor], getattr(importlib.import_module(module), name))(manifest, options, pool)
