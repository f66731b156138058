"""
Record what a real client says to a gateway: a proxy that writes every request down.

    python tests/rest/record.py http://127.0.0.1:8000 recorded/triton.json VENV/bin/python clients/with_triton.py
"""

import base64
import http.client
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Headers that say something about a dialect; the others differ from run to run.
KEPT = ("content-type", "inference-header-content-length", "accept", "accept-encoding", "content-encoding")
#: Members that differ from run to run, or with a newly trained model.
CHANGING = ("model_version", "version", "versions", "request_id")
#: Headers of the connection, not of the message.
HOP = ("connection", "transfer-encoding", "content-length", "host", "keep-alive")


def mask(value: Any) -> Any:
    """Return the shape of a JSON value: keys and texts stay, numbers become "number"."""
    if isinstance(value, dict):
        return {key: mask(inner) for key, inner in value.items() if key not in CHANGING}
    if isinstance(value, list):
        return [mask(inner) for inner in value]
    return "number" if isinstance(value, float) else value


class Recorder(ThreadingHTTPServer):
    """Forward to one gateway and keep the exchanges."""

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.exchanges: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    """Forward one request."""

    protocol_version = "HTTP/1.1"
    server: Recorder

    def forward(self) -> None:
        """Send the request on, write it and the shape of its answer down, and give the answer back."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        upstream = http.client.HTTPConnection(self.server.target, timeout=30)
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.server.exchanges.append(
            {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in headers.items() if name.lower() in KEPT},
                **text_or_base64(body),
                "answer": {"status": answer.status, "type": answer.getheader("Content-Type"), **shape(answer, content)},
            }
        )
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_HEAD = do_OPTIONS = forward

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def text_or_base64(body: bytes) -> dict[str, str]:
    """Return a body as JSON can hold it."""
    try:
        return {"body": body.decode()} if body else {}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def shape(answer: http.client.HTTPResponse, content: bytes) -> dict[str, Any]:
    """Return what must be the same whenever the request is sent again."""
    length = answer.getheader("Inference-Header-Content-Length")
    head = content if length is None else content[: int(length)]
    return {"json": mask(json.loads(head))} if head.startswith((b"{", b"[")) else {}


def main(target: str, output: str, *command: str) -> int:
    """Run a client against the proxy and write the exchanges to a file."""
    recorder = Recorder(target)
    threading.Thread(target=recorder.serve_forever, daemon=True).start()
    done = subprocess.run([*command, f"http://127.0.0.1:{recorder.server_port}"], check=False)
    recorder.shutdown()
    lines = ",\n".join(json.dumps(exchange, ensure_ascii=False) for exchange in recorder.exchanges)
    Path(output).write_text(f"[\n{lines}\n]\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
