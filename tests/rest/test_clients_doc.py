"""docs/clients.md says what really happens: each of its commands is run, and the answer below it is the answer."""

import re
import subprocess

import pytest

import serving
from rest.test_clients import PACKAGES
from serving import Gateway

TEXT = (serving.ROOT / "docs" / "clients.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```\n```json\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("command", "answer"), COMMANDS, ids=[command[:60] for command, _ in COMMANDS])
def test_each_command_answers_as_shown(five: Gateway, command: str, answer: str) -> None:
    """A reader who copies a command sees what is printed below it."""
    command = command.replace("127.0.0.1:8000", f"127.0.0.1:{five.port}").replace("curl ", "curl -sS ")
    done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, timeout=60, check=True)
    found = re.sub(r'"(request_id|model_version)":"\w+"', r'"\1":"…"', done.stdout)
    assert found.strip() == answer.strip()


def test_no_command_and_no_client_is_left_out() -> None:
    """No block stands without its answer, and every client that is tested stands in the table."""
    assert len(COMMANDS) == TEXT.count("```sh\n") >= 5
    assert all(client in TEXT.lower() for client in PACKAGES)
