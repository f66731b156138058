"""Requests in several languages are run as they are shown, and the route gets the values as they are."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from gateway.console.code_samples import code_samples
from serving import Gateway

ODD = {
    "it's": 'Associate\'s "Degree"',
    "a\\b$c`d": "\\n ${HOME} $(id) `id` %PATH% #{x} \\u0041",
    "line": "one\ntwo\r\nthree\ttab",
    "emoji 🌍": "a\u2028b 🌍 é </script> )---' ]]>",
    "__proto__": "own",
    "flag": True,
    "n": -1.5e-7,
    "whole": 9007199254740991,
}
LONG = {f"column {at}": f"it's {at} \\ $x" for at in range(200)}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve models that answer their inputs."""
    folder = tmp_path_factory.mktemp("echo")
    types = {str: "string", bool: "boolean", float: "number", int: "integer"}
    lines = ["version: 1", "routes:"]
    for name, values in (("odd", ODD), ("long", LONG)):
        inputs = [
            {"name": key, "type": types[type(value)], "examples": [value], "required": False}
            for key, value in values.items()
        ]
        (folder / f"{name}.stub").write_text(json.dumps({"inputs": inputs, "output": {"kind": "json"}}))
        lines.append(f"  /{name}: {{artifact: {folder}/{name}.stub}}")
    with serving.running(folder, cache, "\n".join(lines) + "\n", workers=1) as server:
        yield server


def answer_of(language: str, code: str, folder: Path, **environ: str) -> str:
    """Run a program as a reader of the page does; return what it prints."""
    programs = {
        "curl": ("sh", "code.sh"),
        "Python": (sys.executable, "code.py"),
        "JavaScript": ("node", "code.mjs"),
        "Java": ("java", "Predict.java"),
        "R": ("Rscript", "code.R"),
    }
    program, name = programs[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed here")
    (folder / name).write_text(code, encoding="utf-8")
    done = subprocess.run(
        [program, name], cwd=folder, env=os.environ | environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("route", ["odd", pytest.param("long", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "language", ["curl", "Python", "JavaScript", pytest.param("Java", marks=pytest.mark.slow), "R"]
)
def test_each_program_sends_the_values(echo: Gateway, tmp_path: Path, language: str, route: str) -> None:
    """Quotes, backslashes, dollars, line ends and emoji arrive as they are."""
    values: dict[str, Any] = ODD if route == "odd" else LONG
    base = f"http://127.0.0.1:{echo.port}"
    code = next(one.code for one in code_samples(f"{base}/{route}", values) if one.language == language)
    printed = answer_of(language, code, tmp_path)
    found = json.loads(printed)
    assert found == echo.post(f"/{route}", values).json
    assert found["prediction"] == values
