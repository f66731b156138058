"""A command that is printed works as it is printed: in a shell, byte for byte, whatever fields are called."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

import serving
from gateway.cli.client import Client
from gateway.rest.describe.sample_request import SampleRequest
from gateway.schema import Field, Output, Signature
from gateway.validation import Validator
from gateway.validation.sample import sample
from serving import Gateway

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

NAMES = (
    "Hours of Study",
    'it\'s a "quote"',
    "Größe",
    "身高",
    "area [m²]",
    "a&b=c%d+e",
    "@file",
    "--next",
    "first\nsecond",
    "$HOME `id` $(id) \\ !x",
    "{a,b} [1-3] ~ * ?",
    "a\x1b[31m\x9b\u202eb",
    "🎬",
    " ",
    "data",
    "instances",
)
QUERY_VALUES = ("two words", "@/etc/passwd", "a&b=c%41+d", 'it\'s $HOME "x" `id` !x', "身高 [m²] {1,2}")
JSON_VALUES = ("a\nb", " a ", "", "\x9b")
WIDE = 3_000
#: Route -> its fields: a few read as a query, many as JSON, very many from a file.
FIELDS: dict[str, list[Any]] = {
    "one": ["Hours of Study"],
    "few": ["b", *NAMES[:4]],
    "signs": list(NAMES[5:9]),
    "names": ["b", *NAMES],
    "query": [{"name": f"text.{at}", "type": "string", "examples": [text]} for at, text in enumerate(QUERY_VALUES)],
    "json": [
        {"name": f"text_{at}", "type": "string", "examples": [text], "min_length": 0}
        for at, text in enumerate(JSON_VALUES)
    ],
    "none": [],
    "wide": [f"Messgröße {number} [m²]" for number in range(WIDE)],
}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Any:
    """Serve routes with odd names, odd values and 3,000 fields; each answers what it got."""
    folder = tmp_path_factory.mktemp("echo")
    text = "version: 1\nroutes:\n"
    for name, inputs in FIELDS.items():
        (folder / f"{name}.stub").write_text(json.dumps({"inputs": inputs}))
        text += f'  /{name}: {{artifact: {name}.stub, response: {{"*": $inputs}}}}\n'
    with serving.running(folder, cache, text, workers=1) as server:
        yield server


def routes_of(server: Gateway) -> dict[str, Any]:
    """Return the catalog by path."""
    return {route["path"]: route for route in server.get("/routes").json["routes"]}


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Give a line to the shell, as a person does who pastes it."""
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@needs_curl
@pytest.mark.parametrize("name", FIELDS)
def test_printed_command_sends_the_sample(echo: Gateway, tmp_path: Path, name: str) -> None:
    """The shell, curl and the gateway between them change nothing: the model gets the sample of the catalog."""
    route = routes_of(echo)[f"/{name}"]
    done = run(route["curl"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == route["sample"]
    assert "\n" not in route["curl"] and route["curl"].isprintable()


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_checked_is_what_is_printed(echo: Gateway, name: str) -> None:
    """`gateway wait` needs no curl: the request that it sends is that of the command."""
    route = routes_of(echo)[f"/{name}"]
    call = SampleRequest(route["path"], route["name"], route["sample"])
    assert call.command(f"http://127.0.0.1:{echo.port}") == route["curl"]
    kind = "application/json" if call.body else ""
    status, body = Client(f"127.0.0.1:{echo.port}").fetch(call.method, call.target, call.body, kind)
    assert (status, json.loads(body)) == (200, route["sample"])


def test_command_of_many_fields_is_short(echo: Gateway) -> None:
    """3,000 inputs do not fit into a terminal, nor into one word of a command line: a file holds them."""
    command = routes_of(echo)["/wide"]["curl"]
    assert len(command) < 300
    assert len(echo.get("/wide/schema", sample="").json) == WIDE
    assert set(echo.get("/wide/schema").json) >= {"inputs", "outputs"}


def test_wait_tries_every_route_without_curl(echo: Gateway, tmp_path: Path) -> None:
    """Every READY route is asked and its answer shown on a machine that has no curl."""
    bare = serving.Gateway(echo.home, echo.registry, echo.port, {"PATH": str(tmp_path)})
    done = bare.command("wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '  {"Hours of Study":1.0}' in done.stdout.splitlines()
    assert f"open it:   http://localhost:{echo.port}/" in done.stdout.splitlines()
    assert max(map(len, done.stdout.splitlines())) < 3_000


@needs_curl
def test_wait_prints_commands_that_work(echo: Gateway, tmp_path: Path) -> None:
    """Each curl that `gateway wait` prints is answered with 200, the general ones included."""
    (tmp_path / ".curlrc").write_text("fail\n")
    lines = echo.command("wait").stdout.splitlines()
    commands = [line[line.index("curl ") :] for line in lines if "curl " in line]
    assert len(commands) == len(FIELDS) + 1
    for command in commands:
        done = run(f"CURL_HOME={tmp_path}; export CURL_HOME; {command}", tmp_path)
        assert done.returncode == 0, (command, done.stderr)


@needs_curl
def test_wait_over_a_unix_socket_and_a_route_that_fails(tmp_path: Path, cache: Path) -> None:
    """Printed commands name the socket; a READY route whose predict raises costs the exit code 1."""
    socket = Path(tempfile.mkdtemp()) / "s"
    (tmp_path / "m.stub").write_text(json.dumps({"inputs": ["a b"]}))
    (tmp_path / "bad.stub").write_text(json.dumps({"inputs": ["a"], "raise": "no"}))
    server = serving.make(tmp_path, cache, "version: 1\nroutes:\n  /m: m.stub\n  /bad: bad.stub\n", workers=1)
    server.settings["GATEWAY_BIND"] = f"unix:{socket}"
    try:
        done = server.start().command("wait", timeout_s=120)
        assert (done.returncode, done.stderr) == (1, "\n1 of 2 routes do not serve; the others do\n")
        assert "open it" not in done.stdout, "no browser opens a socket"
        command = next(line for line in done.stdout.splitlines() if line.startswith("curl "))
        assert json.loads(run(command, tmp_path).stdout) == {"prediction": 1.0}
        server.stop()
    finally:
        server.kill()


LIMITED = [
    Field(name="f", exclusive_minimum=0),
    Field(name="f", exclusive_minimum=0, exclusive_maximum=1),
    Field(name="f", exclusive_maximum=0),
    Field(name="f", maximum=0),
    Field(name="f", minimum=-3, maximum=3, missing=(0,)),
    Field(name="f", minimum=1e300),
    Field(name="f", minimum=0.1, maximum=0.2),
    Field(name="f", type="integer", exclusive_minimum=0, exclusive_maximum=2),
    Field(name="f", type="integer", minimum=0.5),
    Field(name="f", type="integer", minimum=-0.5, maximum=0.5),
    Field(name="f", type="integer", maximum=-1),
    Field(name="f", type="integer", enum=(3, 4), missing=(3,)),
    Field(name="f", type="string", max_length=3),
    Field(name="f", type="string", min_length=40),
    Field(name="f", type="string", pattern="^[A-Z]$"),
    Field(name="f", type="string", pattern=r"^\d{4}-\d\d-\d\d$"),
    Field(name="f", type="string", enum=("NA", "x"), missing=("NA",)),
    Field(name="f", type="string", examples=("NA", "y"), missing=("NA",)),
    Field(name="f", type="boolean", enum=(False,)),
    Field(name="f", default=5.0, missing=(5,)),
]


@pytest.mark.parametrize("field", LIMITED, ids=lambda field: repr(field)[6:60])
def test_sample_is_taken(field: Field) -> None:
    """A sample keeps the limits of its field and is no word for a missing value."""
    signature = Signature(inputs=(field,), output=Output())
    (column,) = Validator(signature, strict=True).rows([sample(signature)], text=False).columns
    assert column[0] == column[0], "NaN would be a missing value"
