"""
All settings with defaults, limits and help texts; the only module that reads os.environ.

Parser, `serve --help` and docs/settings.md are made from the annotated fields of `Settings`.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

from gateway.errors import GatewayError
from gateway.settings.home_paths import HomePaths
from gateway.settings.unknown_names import unknown_names
from gateway.settings.value_types import (
    NO_PREFIX,
    AdminListener,
    Listener,
    Peer,
    Setting,
    StoreAddress,
    UrlPrefix,
    text_of,
)

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "text"]
Auth = Literal["none", "keys"]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """Describe a setting: its meaning, its limit, and the text of its default if the value alone is unclear."""

    help: str
    minimum: float | None = None
    shown: str | None = None


def _default_workers() -> int:
    return max(2, min(_cores(), 4))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings(HomePaths):
    """Hold every setting, parsed and checked; `load` makes all paths absolute."""

    registry: Annotated[Path, Note("the registry file")] = Path("registry.yaml")
    home: Annotated[Path, Note("folder of all run-time state")] = Path(".gateway")
    bind: Annotated[
        tuple[Listener, ...], Note("addresses to listen on: host:port, [v6]:port or unix:path, with commas")
    ] = (Listener("127.0.0.1:8000"),)
    admin_bind: Annotated[
        tuple[AdminListener, ...],
        Note(
            "addresses of a listener for operators; /metrics, /health, /routes, /openapi.json, /docs are there only",
            shown="none",
        ),
    ] = ()
    auth: Annotated[
        Auth | None,
        Note(
            "whether callers need a key; unset: once there are keys, without which others cannot reach it",
            shown="unset",
        ),
    ] = None
    root_path: Annotated[
        UrlPrefix, Note("path below which a reverse proxy shows this gateway, such as /ml", shown="none")
    ] = NO_PREFIX
    trusted_proxies: Annotated[
        tuple[Peer, ...],
        Note(
            "proxies whose X-Forwarded fields count: addresses, networks, or unix for Unix sockets, with commas",
            shown="none",
        ),
    ] = ()
    keys: Annotated[
        Path | None, Note("the file of API keys; once it is there, callers need one", shown="keys.yaml in GATEWAY_HOME")
    ] = None
    key_file: Annotated[
        Path | None, Note("file with the key that commands send to a running gateway", shown="none")
    ] = None
    workers: Annotated[int, Note("worker processes", minimum=1, shown="cores, 2 to 4")] = dataclasses.field(
        default_factory=_default_workers
    )
    worker_connections: Annotated[
        int, Note("connections a worker holds at a time; beyond, the idlest are closed", minimum=1)
    ] = 1000
    predict_threads: Annotated[
        int, Note("least native threads of a worker for predicts; it has more where routes ask for more", minimum=1)
    ] = 8
    native_threads: Annotated[int, Note("OpenMP and BLAS threads of one predict", minimum=1)] = 1
    keepalive_s: Annotated[
        int, Note("seconds an idle connection is kept; longer than a load balancer in front keeps it", minimum=0)
    ] = 75
    stall_timeout_s: Annotated[
        float, Note("seconds without a byte after which a body or an answer on its way is given up", minimum=0.1)
    ] = 20.0
    body_timeout_s: Annotated[
        float, Note("seconds that a body or an answer may be on its way, and one more for each 16 KiB", minimum=0.1)
    ] = 120.0
    body_memory_mb: Annotated[
        int, Note("memory that the bodies of a worker may take together, with the values of those in JSON", minimum=1)
    ] = 512
    spool_mb: Annotated[
        int, Note("disk below GATEWAY_HOME that the bodies of a worker may take together", minimum=1)
    ] = 1024
    table_memory_mb: Annotated[
        int,
        Note("memory that readers of XLSX and Parquet files may take in a worker, 1024 each", minimum=1024),
    ] = 2048
    graceful_timeout_s: Annotated[int, Note("seconds a worker may take to finish its requests", minimum=1)] = 30
    boot_deadline_s: Annotated[
        float, Note("seconds after which a worker serves although models still load", minimum=0)
    ] = 60.0
    worker_timeout_s: Annotated[int, Note("seconds without a heartbeat after which a worker is killed", minimum=1)] = 60
    prepare_timeout_s: Annotated[float, Note("seconds that preparing one model may take", minimum=1)] = 120.0
    prepare_memory_mb: Annotated[int, Note("memory that preparing one model may take", minimum=64)] = 2048
    environment_timeout_s: Annotated[
        float, Note("seconds that building the environment of a model may take", minimum=1)
    ] = 1800.0
    cache_mb: Annotated[
        int, Note("disk space that kept artifacts, what was prepared of them, and environments may take", minimum=1)
    ] = 20480
    worker_memory_mb: Annotated[
        int | None, Note("memory above which a worker is replaced", minimum=64, shown="no limit")
    ] = None
    backlog: Annotated[int, Note("connections the kernel holds while no worker accepts", minimum=1)] = 2048
    fast_dispatch: Annotated[
        bool, Note("answer fixed paths past Flask's own dispatch; false where a release of Flask does not bear it")
    ] = True
    watch: Annotated[bool, Note("reload when the registry file changes")] = True
    mlflow_uri: Annotated[
        StoreAddress | None,
        Note(
            "MLflow store of artifacts such as mlflow:models:/name@alias", shown="mlruns/mlflow.db beside the registry"
        ),
    ] = None
    mlflow_credentials: Annotated[
        Path | None,
        Note("file with the address of the MLflow store and variables of its client; its owner's alone", shown="none"),
    ] = None
    mlflow_timeout_s: Annotated[
        float, Note("seconds that the MLflow store may take to answer one question", minimum=1)
    ] = 20.0
    watch_aliases: Annotated[
        bool, Note("reload when an alias or a best run names another model, unless it is a pickle")
    ] = False
    holder_socket: Annotated[
        Path | None, Note("socket of the process that keeps the listening sockets", shown="run/holder.sock")
    ] = None
    log_level: Annotated[LogLevel, Note("least severe level that is logged")] = "info"
    log_format: Annotated[LogFormat, Note("one JSON object per line, or text for people")] = "json"
    access_log: Annotated[bool, Note("log every request")] = True

    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None) -> Self:
        """
        Read the environment, then `flags` (setting name -> text of a command line), which override it.

        Raises GatewayError with every bad value at once; unknown GATEWAY_ names become `warnings`.
        """
        environ = os.environ if environ is None else environ
        texts = {table.name: (table.variable, environ[table.variable]) for table in TABLE if table.variable in environ}
        texts |= {name: ("--" + name.replace("_", "-"), text) for name, text in (flags or {}).items()}
        found: dict[str, Any] = {}
        faults: list[str] = []
        for setting in TABLE:
            if setting.name in texts:
                source, text = texts[setting.name]
                try:
                    found[setting.name] = setting.parse(text)
                except ValueError as error:
                    faults.append(f"{source}={text!r}: expected {error}")
        if faults:
            raise GatewayError("\n".join(faults), code="settings", hint="`gateway serve --help` lists all settings")
        return cls(**found, warnings=unknown_names(environ, [setting.variable for setting in TABLE]))._absolute()

    def _absolute(self) -> Self:
        names = ("registry", "home", "keys", "key_file", "holder_socket", "mlflow_credentials")
        paths: dict[str, Any] = {name: getattr(self, name) for name in names}
        return dataclasses.replace(self, **{name: path.absolute() for name, path in paths.items() if path is not None})

    def environ(self) -> dict[str, str]:
        """Return the environment variables from which another process loads the same settings."""
        return {setting.variable: text_of(getattr(self, setting.name)) for setting in TABLE}


def _table() -> tuple[Setting, ...]:
    """Return one Setting per annotated field of Settings."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = {spec.name: spec.default for spec in dataclasses.fields(Settings)}
    rows = []
    for name, hint in hints.items():
        if get_origin(hint) is Annotated:
            kind, note = get_args(hint)
            rows.append(Setting(name, kind, note.shown or text_of(defaults[name]), note.help, note.minimum))
    return tuple(rows)


TABLE = _table()


def help_text() -> str:
    """Return the table as `gateway serve --help` shows it."""
    width = max(len(setting.variable) for setting in TABLE)
    return "\n".join(f"  {one.variable:{width}}  {one.help} ({one.default})" for one in TABLE)
