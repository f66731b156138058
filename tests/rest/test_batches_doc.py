"""docs/batches.md and docs/names.md say what happens: each command is run, and the answer below it is the answer."""

import re
import subprocess

import pytest

import serving
from gateway.codecs import parquet, xlsx_contents
from gateway.codecs.chunks import CHUNK_ROWS, MAX_COLUMNS
from gateway.codecs.csv import MAX_CELL
from gateway.rest.predict.negotiate import OFFERED
from gateway.rest.predict.spool import SPOOL_BYTES
from serving import Gateway

TEXT = (serving.ROOT / "docs" / "batches.md").read_text()
NAMES = (serving.ROOT / "docs" / "names.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```\n```(?:json|csv|ndjson)\n(.*?)```", TEXT + NAMES, re.DOTALL)


@pytest.mark.parametrize(("command", "answer"), COMMANDS, ids=[command[:40] for command, _ in COMMANDS])
def test_each_command_answers_as_shown(five: Gateway, command: str, answer: str) -> None:
    """A reader who copies a command sees what is printed below it."""
    command = command.replace("127.0.0.1:8000", f"127.0.0.1:{five.port}").replace("curl ", "curl -sS ")
    done = subprocess.run(
        ["bash", "-ec", command], cwd=serving.ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    found = re.sub(r'"request_id":"\w+"', '"request_id":"…"', done.stdout.replace("\r\n", "\n"))
    assert found.strip() == answer.strip()


def test_every_command_is_run() -> None:
    """No block of commands stands without its answer."""
    assert len(COMMANDS) == (TEXT + NAMES).count("```sh\n") >= 6


def test_the_limits_are_those_of_the_code() -> None:
    """Every number of the table of limits is the constant."""
    for words in (
        f"{CHUNK_ROWS:,} rows",
        f"{xlsx_contents.MAX_UNPACKED_BYTES // 2**20} MiB, {xlsx_contents.MAX_RATIO} : 1",
        f"{xlsx_contents.MAX_CELLS:,} cells",
        f"{parquet.MAX_UNPACKED_BYTES // 2**20} MiB and {MAX_COLUMNS:,} columns",
        f"{MAX_CELL // 2**20} Mi characters",
        f"above {SPOOL_BYTES // 2**20} MiB",
    ):
        assert words in TEXT, words
    assert all(f"| `{kind}` |" in TEXT for kind in OFFERED)
