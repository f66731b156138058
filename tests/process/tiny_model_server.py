"""
The smallest real model server, a program for tests: HTTP over a Unix socket, on the standard library alone.

Its model adds a number, which tells its version. It can be told at its start to be slow, to refuse or to end, and by a request to end, to take memory, to start a
process, or to print.
"""

import argparse
import json
import os
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

KEPT: list[bytes] = []
MOST_CALLS = 64
#: A value that takes so many seconds.
SLOW = 2


def main() -> None:
    """Serve until SIGTERM, which lets the calls in flight finish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket")
    parser.add_argument("--ready-after", type=float, default=0.0)
    parser.add_argument("--refuse", default="")
    parser.add_argument("--exit", type=int)
    parser.add_argument("--answer", default="1")
    options = parser.parse_args()
    if options.exit is not None:
        sys.exit(f"no: {options.exit}" if options.exit else 0)
    began = time.monotonic()
    busy = threading.Semaphore(MOST_CALLS)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            with busy:
                status, body = act(path, query)
                self.answer(status, body)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with busy:
                values = body["inputs"][0]["data"]
                if values == [SLOW]:
                    time.sleep(SLOW)
                found = [value + float(options.answer) for value in values]
                output = {"name": "prediction", "datatype": "FP64", "shape": [len(found)], "data": found}
                self.answer(200, {"model_name": "tiny", "outputs": [output]})

        def answer(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def address_string(self) -> str:
            return "-"

        def log_message(self, *args: object) -> None:
            pass

    def act(path: str, query: dict[str, str]) -> tuple[int, object]:
        if path == "/v2/health/ready":
            if options.refuse:
                return 503, {"error": options.refuse, "code": "child-load"}
            if time.monotonic() - began < options.ready_after:
                return 503, {"error": "it loads", "code": "child-loading"}
            return 200, {"ready": True}
        if path == "/exit":
            os._exit(int(query["code"]))
        if path == "/take":
            KEPT.append(b"x" * (int(query["mb"]) * 2**20))
        if path == "/start":
            return 200, subprocess.Popen(["sleep", "600"], start_new_session="new" in query).pid
        if path == "/print":
            print(query["text"], flush=True)
        if path == "/temporary":
            file = Path(tempfile.mkdtemp()) / "half"
            file.write_text("x")
            return 200, str(file)
        if path == "/environ":
            return 200, dict(os.environ)
        if path == "/sleep":
            time.sleep(float(query["s"]))
        return 200, {"pid": os.getpid(), "answer": options.answer}

    server = type("Server", (socketserver.ThreadingUnixStreamServer,), {"request_queue_size": 64})(
        options.socket, Handler
    )
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=leave, daemon=True).start())

    def leave() -> None:
        server.shutdown()

    server.serve_forever(poll_interval=0.02)
    # Kept connections are idle: only calls in flight are waited for.
    for _ in range(MOST_CALLS):
        busy.acquire()
    os._exit(0)


if __name__ == "__main__":
    main()
