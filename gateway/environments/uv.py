"""
Run uv, which builds environments: found beside the gateway's Python or on PATH, and asked for by one command line.

It is a program of its own: nothing of it is imported, and a gateway whose routes name no requirements needs none.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.errors import LoadError
from gateway.system.known_children import known_child

#: What brings uv into the environment of the gateway.
PIP_LINE: Final = "pip install 'multi-model-gateway[environments]'"
#: Variables that uv, and what builds a package from its source, may see. No secret of the gateway is among them.
_SEEN: Final = frozenset(
    {
        "ALL_PROXY", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "LC_ALL", "NETRC", "NO_PROXY", "PATH", "SSL_CERT_DIR",
        "SSL_CERT_FILE", "TMPDIR", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "all_proxy", "https_proxy", "http_proxy", "no_proxy",
    }
)  # fmt: skip
#: Lines of uv's last words that are repeated; a conflict of versions takes a dozen.
_MOST_LINES: Final = 16
_MOST_LENGTH: Final = 2_000


class Failed(Exception):
    """Carry the last words of uv."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def find_uv() -> str:
    """Return the path of uv; raises LoadError `uv-missing`."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")
    if found is None:
        raise LoadError(
            "an environment is to be built, and uv, which builds it, is not installed",
            code="uv-missing",
            hint=f"{PIP_LINE}; or build it elsewhere and name it: `executor: {{kind: process, environment: PATH}}`",
        )
    return found


def run(words: Sequence[str], *, folder: Path, timeout_s: float) -> str:
    """Run uv and return its output; raises Failed with its words, and TimeoutError when the time is up."""
    pipe, started = subprocess.PIPE, {"cwd": folder, "env": _environment(), "start_new_session": True}
    with known_child([find_uv(), *words], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, **started) as child:
        try:
            told, complaint = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            # A package that is built from its source may have started programs of its own.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
    if child.returncode != 0:
        raise Failed(_last_words(complaint or told) or f"nothing, and exited with {child.returncode}")
    return told


def _environment() -> dict[str, str]:
    seen = {name: value for name, value in os.environ.items() if name in _SEEN or name.startswith("UV_")}
    # An interpreter that is not here is a fault with a name, never a download.
    return {**seen, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def _last_words(text: str) -> str:
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    return "\n".join(lines[-_MOST_LINES:])[-_MOST_LENGTH:]
