"""What a terminal would obey is shown, whatever names files have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.system.terminal_text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc ä … 猫 🐈", "a\tb\nc ä … 猫 🐈"),
        ("\x1b[2J\x07\r", r"\x1b[2J\x07\x0d"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        (os.fsdecode(b"\xff.pkl"), r"\udcff.pkl"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    """Letters, lines and tabs stay; escapes, texts turned around and bytes that are no UTF-8 are written out."""
    assert printable(text) == shown


@pytest.mark.parametrize("command", ["check", "describe"])
def test_a_command_writes_no_escape(tmp_path: Path, command: str) -> None:
    """Names of files come from whoever sent them, and stand in errors and in the fixes beside them."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x1b]0;owned\x07\xff")).mkdir()
    (tmp_path / "registry.yaml").write_text('version: 1\nroutes:\n  /a: "no\\e[2J.onnx"\n')
    told = subprocess.run(
        [sys.executable, "-m", "gateway", command, *(["no.onnx"] if command == "describe" else [])],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert told.returncode in {1, 78}
    assert b"artifact-missing" in told.stderr
    assert b"Traceback" not in told.stderr
    assert not {b"\x1b", b"\x07", b"\xff"} & {bytes([one]) for one in told.stderr}
