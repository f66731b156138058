"""Call functions of the console's ES modules in Node, without a browser. States no law of its own."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from serving import ROOT

STATIC = ROOT / "gateway" / "console" / "static"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="no node found: apt-get install nodejs")

_PROGRAM = """
import {{ readFileSync }} from 'node:fs';
const module = await import('./{module}');
const calls = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(calls.map(([name, ...given]) => module[name](...given))));
"""


def call(module: str, calls: list[list[Any]], folder: Path) -> list[Any]:
    """Return what the functions of a module give: each call is a name and its arguments, all of them JSON."""
    assert NODE is not None
    place = folder / "static"
    if not place.exists():
        shutil.copytree(STATIC, place)
        (place / "package.json").write_text('{"type": "module"}')
    command = [NODE, "--input-type=module", "-e", _PROGRAM.format(module=module)]
    done = subprocess.run(
        command, check=False, input=json.dumps(calls).encode(), capture_output=True, cwd=place, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[Any] = json.loads(done.stdout)
    return found
