"""One virtualenv per peer under .gateway-bench/venvs, from its exact pins; made once, made again when pins change."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from bench.lineup import CACHE, PEERS


def ensure(name: str) -> str:
    """Make the virtualenv of a peer where it is absent or outdated; return why that failed, or ''."""
    pins = PEERS / name / "requirements.txt"
    folder = CACHE / "venvs" / name
    stamp = folder / ".pins"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    print(f"  {name}: installing {sum(1 for _ in pins.open())} packages", file=sys.stderr)
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    reason = _install(folder, pins)
    if not reason:
        stamp.write_text(wanted)
    return reason


def _install(folder: Path, pins: Path) -> str:
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return f"cannot be installed: {(errors or ['pip failed'])[-1][:160]}"


def version_of(name: str, package: str) -> str:
    """Return the pinned version of a package of a peer, or ''."""
    for line in (PEERS / name / "requirements.txt").read_text().splitlines():
        key, _, pin = line.partition("==")
        if key.lower() == package.lower():
            return pin
    return ""
