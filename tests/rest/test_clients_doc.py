"""docs/clients.md says what really happens: each of its commands is run, and the answer below it is the answer."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import batch_formats
import serving
from rest.test_clients import PACKAGES
from serving import Gateway

TEXT = (serving.ROOT / "docs" / "clients.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```\n```json\n(.*?)```", TEXT, re.DOTALL)
IN_ONE_LINE = TEXT[TEXT.index("## In one line") : TEXT.index("## Fields")]
#: Client, command and answer of every line of the table.
LINES = re.findall(r"^\| (.+?) \| `(.+?)` \| (`.+`) \|$", IN_ONE_LINE, re.MULTILINE)


@pytest.mark.parametrize(("command", "answer"), COMMANDS, ids=[command[:60] for command, _ in COMMANDS])
def test_each_command_answers_as_shown(five: Gateway, command: str, answer: str) -> None:
    """A reader who copies a command sees what is printed below it."""
    assert answer_of(five, command, serving.ROOT) == answer.strip()


def answer_of(five: Gateway, command: str, folder: Path) -> str:
    """Run a command as a reader would, in `folder` and with this environment's Python."""
    command = command.replace("127.0.0.1:8000", f"127.0.0.1:{five.port}").replace("curl ", "curl -sS ")
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env={**os.environ, "PATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return re.sub(r'"(request_id|model_version)":"\w+"', r'"\1":"…"', done.stdout.replace("\r\n", "\n")).strip()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the table names."""
    folder = tmp_path_factory.mktemp("rows")
    texts = [["that movie was boring"], ["a moving, wonderful film"]]
    for one in batch_formats.FORMATS:
        (folder / f"rows.{one.name}").write_bytes(one.write(texts, ["query"]))
    return folder


@pytest.mark.parametrize(("client", "command", "answer"), LINES, ids=[client for client, _, _ in LINES])
def test_each_line_of_the_table(five: Gateway, rows: Path, client: str, command: str, answer: str) -> None:
    """What stands in one line for a client works, and answers what the line says."""
    assert answer_of(five, command, rows) == answer.replace("<br>", "\n").replace("`", "")


def test_no_command_and_no_client_is_left_out() -> None:
    """No block stands without its answer, and every client that is tested stands in the table."""
    assert len(LINES) == IN_ONE_LINE.count("\n| ") - 2 >= 15
    assert len(COMMANDS) == TEXT.count("```sh\n") >= 5
    assert all(client in TEXT.lower() for client in PACKAGES)
