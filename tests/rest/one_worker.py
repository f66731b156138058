"""The app of one worker in this process, over stub models, without sockets: asked with WSGI environs."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from gateway import logs
from gateway.executors.thread_pool import NativePool
from gateway.generations import snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.rest.app import Holder, create_app
from gateway.rest.middleware.forwarded import Forwarded
from gateway.rest.middleware.telemetry import Telemetry
from gateway.routing.live_generation import Generation, GenerationBuilder
from gateway.scoreboard import Scoreboard
from gateway.security.authentication import Authenticator
from gateway.security.keyring import Keyring
from gateway.security.token_verifier import TokenVerifier
from gateway.settings.settings import Settings

#: They tell time or count requests: Date may change its second between two.
DIFFERING = frozenset({"X-Request-ID", "Server-Timing", "Date"})
#: The sum of two numbers, so that each row has an answer of its own.
SUM = {"inputs": [{"name": "a"}, {"name": "b"}], "output": {"kind": "regression"}}
GOLDEN = {"version": 1, "instances": [{"a": 1, "b": 2}], "predictions": [{"value": 3.0}]}
REGISTRY = """\
version: 1
server: {cors: ["https://app.example"], max_body_size: 1MiB}
routes:
  /sum: {artifact: sum.stub.json, aliases: [/total], golden: rows.json}
  /deep/sum: {artifact: sum.stub.json, name: deep, golden: rows.json}
"""


@dataclass(frozen=True)
class Answer:
    """Hold one answer; `headers` are sorted, without those that differ from request to request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


class Worker:
    """Serve REGISTRY in this process, through the short way and through Flask's own dispatch."""

    def __init__(
        self, folder: Path, registry: str = REGISTRY, forwarded: Forwarded | None = None, keys: Path | None = None
    ) -> None:
        self._forwarded = forwarded
        logs.configure("error", access=False)
        (folder / "sum.stub.json").write_text(json.dumps(SUM))
        (folder / "rows.json").write_text(json.dumps(GOLDEN))
        (folder / "registry.yaml").write_text(registry)
        spec = load_registry(folder / "registry.yaml")
        scoreboard = Scoreboard.create(folder / "scoreboard", slots=2, routes=16)
        builder = GenerationBuilder(scoreboard, scoreboard.claim(), folder / "cache", 4)
        manifests = prepare_registry(spec, folder / "cache", PrepareLimits())
        self.generation: Generation = builder.make(snapshot.make(spec, manifests))
        for route in self.generation.table.by_name.values():
            route.model.load()
        keyring = Keyring(keys or folder / "keys.yaml")
        authenticator = Authenticator(keyring, TokenVerifier(keyring, folder, folder))
        holder, pool = Holder(self.generation), NativePool(4)
        self.apps: dict[bool, Flask] = {}
        self._layers: dict[bool, Telemetry] = {}
        for fast in (True, False):
            environ = {"GATEWAY_HOME": str(folder / "home"), "GATEWAY_FAST_DISPATCH": str(fast).lower()}
            settings = Settings.load(environ)
            settings.metrics_dir.mkdir(parents=True, exist_ok=True)
            self.apps[fast] = create_app(holder, scoreboard, settings, pool)
            self._layers[fast] = Telemetry(self.apps[fast], holder.current, authenticator)

    def layer(self, *, fast: bool = True) -> Telemetry:
        """Return what a server calls for each request."""
        return self._layers[fast]

    def ask(self, environ: dict[str, Any], *, fast: bool = True) -> Answer:
        """Answer one request, and read the answer to its end as a server does."""
        told: list[tuple[str, list[tuple[str, str]]]] = []
        if self._forwarded is not None:
            self._forwarded.rewrite(environ, self.generation.table.by_path)
        chunks = self._layers[fast](environ, lambda status, headers, exc_info=None: told.append((status, headers)))
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        status, headers = told[-1]
        kept = sorted(pair for pair in headers if pair[0] not in DIFFERING)
        return Answer(int(status[:3]), kept, body)


def environ_of(
    method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """Return what a server makes of a request; `more` overrides single keys, None takes them out."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "gateway.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "gateway.test",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    environ |= more
    return {key: value for key, value in environ.items() if value is not None}
