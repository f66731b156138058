"""A copied request sends exactly the instance that the page shows, in every language, from the server and the script."""

import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.modules import NODE, call, needs_node
from gateway.codecs.json import encode
from gateway.console.snippets import snippets

CASES: list[tuple[str, dict[str, Any]]] = json.loads(Path(__file__).with_name("snippet_cases.json").read_text("utf-8"))
#: Longer than one argument of a command may be.
LONG = "it's long 🙂 " * 20_000


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answer the body that was sent, if it came as JSON."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_json = self.headers["Content-Type"] == "application/json"
        self.send_response(200 if is_json else 415)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """Run a server that answers what it was sent, and return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/names"
    server.shutdown()
    server.server_close()


#: Programs that run files as a reader would, one after the other, and print a JSON list of what each printed.
_IN_PYTHON = """
import contextlib, io, json, runpy, sys
printed = []
for name in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(name)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""
_IN_NODE = """
const printed = [];
for (const name of process.argv.slice(1)) {
  await new Promise(done => {
    globalThis.console = { log: text => { printed.push(text); done(); } };
    import(process.cwd() + '/' + name);
  });
}
process.stdout.write(JSON.stringify(printed));
"""


def run(language: str, texts: list[str], folder: Path) -> list[Any]:
    """Run copied texts, and return the JSON that each prints."""
    names = [f"{at}.{language}.{'mjs' if language == 'javascript' else 'txt'}" for at in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text, "utf-8")
    if language == "curl":
        return [json.loads(_output("sh", name, folder=folder)) for name in names]
    start = (
        [sys.executable, "-c", _IN_PYTHON] if language == "python" else [NODE, "--input-type=module", "-e", _IN_NODE]
    )
    return [json.loads(one) for one in json.loads(_output(*map(str, start), *names, folder=folder))]


def _output(*command: str, folder: Path) -> bytes:
    done = subprocess.run(command, check=False, capture_output=True, cwd=folder, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@needs_node
def test_server_and_script_write_the_same_texts(tmp_path: Path) -> None:
    pairs = [[url, [[name, encode(one).decode()] for name, one in given.items()]] for url, given in CASES]
    for has_key in (False, True):
        found = call("snippets.js", [["snippets", *pair, has_key] for pair in pairs], tmp_path)
        assert found == [snippets(url, instance, has_key=has_key) for url, instance in CASES]


@needs_node
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl found: apt-get install curl")
@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_a_copied_request_sends_the_instance(language: str, echo: str, tmp_path: Path) -> None:
    instances = [instance for _, instance in CASES] + [{"query": LONG}]
    texts = [snippets(echo, instance)[language] for instance in instances]
    assert run(language, texts, tmp_path) == instances


def test_nothing_unseen_stands_in_a_text() -> None:
    for url, instance in CASES:
        for text in snippets(url, instance).values():
            assert text.replace("\n", "").isprintable()
