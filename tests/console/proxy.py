"""A proxy before a gateway, as its operators have one: it passes everything on, or answers in its own words. States no law."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

#: The page of a proxy whose gateway is away.
BAD_GATEWAY = (502, {"Content-Type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>")
#: Headers that belong to one connection.
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"}


@dataclass
class Proxy:
    """Hold where the proxy listens, and what it answers itself: to `METHOD /path` that begins with `only`; DROP is no answer."""

    DROP: ClassVar[str] = "drop"
    upstream: int
    port: int = 0
    answer: Any = None
    only: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Return where a browser finds the gateway."""
        return f"http://127.0.0.1:{self.port}"

    def fail(self, answer: Any, only: str = "") -> None:
        """Answer so from now on."""
        self.answer, self.only = answer, only

    def pass_on(self) -> None:
        """Let the gateway answer again."""
        self.answer = None


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.asked.append(self.path)
            if proxy.answer is not None and f"{self.command} {self.path}".startswith(proxy.only):
                if proxy.answer == Proxy.DROP:
                    self.close_connection = True
                else:
                    self._send(*proxy.answer)
                return
            upstream = http.client.HTTPConnection("127.0.0.1", proxy.upstream, timeout=60)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            self._send(answer.status, dict(answer.getheaders()), answer.read())
            upstream.close()

        do_POST = do_GET

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", "0" if status in (204, 304) else str(len(body)))
            self.end_headers()
            if status not in (204, 304):
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def proxying(upstream: int) -> Iterator[Proxy]:
    """Run a proxy before a gateway."""
    proxy = Proxy(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    proxy.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
