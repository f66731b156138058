"""Files of others are those that were checked: recorded, pinned, named, and refused where they are others."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.console import assets as module
from gateway.console.assets import FOLDER, VENDOR, assets
from serving import ROOT

RECORD = json.loads((FOLDER.parent / "vendored.json").read_text(encoding="utf-8"))
BUNDLE = FOLDER / "vendor" / "plotly-basic.min.js"
there = pytest.mark.skipif(not BUNDLE.exists(), reason="Plotly is not here (make setup)")


def test_record_pin_lock_and_notice_name_one_version() -> None:
    """Name, version and licence stand in vendored.json, package.json, its lock and NOTICE, and agree."""
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    locked = lock["packages"][f"node_modules/{RECORD['package']}"]
    assert package["dependencies"][RECORD["package"]] == RECORD["version"] == locked["version"]
    assert locked["license"] == RECORD["licence"]
    told = f"{RECORD['package']} {RECORD['version']}, {RECORD['licence']}, {RECORD['copyright']}"
    assert told in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_nothing_of_others_is_committed() -> None:
    """The folder is ignored by git."""
    done = subprocess.run(
        ["git", "ls-files", str(FOLDER / "vendor")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


@there
def test_the_copies_are_the_recorded_ones() -> None:
    """Bundle, rules and licence have the digests of the record, and the gateway serves bundle and rules."""
    for name, wanted in RECORD["files"].items():
        assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == wanted
    served = {name for name in assets().files if name.startswith(VENDOR)}
    assert served == {f"{VENDOR}plotly-basic.min.js", f"{VENDOR}plotly-basic.css"}


@there
def test_a_bundle_with_another_digest_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte more: the plot is drawn without it."""
    shutil.copytree(FOLDER, tmp_path / "static")
    with (tmp_path / "static" / "vendor" / "plotly-basic.min.js").open("ab") as stream:
        stream.write(b"\n")
    monkeypatch.setattr(module, "FOLDER", tmp_path / "static")
    served = assets.__wrapped__().files
    assert f"{VENDOR}plotly-basic.min.js" not in served
    assert f"{VENDOR}plotly-basic.css" in served


@pytest.mark.skipif(
    not (ROOT / "node_modules" / RECORD["package"]).exists(), reason="node_modules is not here (make setup)"
)
def test_set_up_extracts_every_rule_of_the_bundle(tmp_path: Path) -> None:
    """The 66 rules come out of the published bundle, and a bundle that is another one is refused by name."""
    for part in ("scripts/vendor_plotly.py", "gateway/console/vendored.json"):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, tmp_path / part)
    shutil.copytree(ROOT / "node_modules" / RECORD["package"], tmp_path / "node_modules" / RECORD["package"])

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "scripts/vendor_plotly.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    style = (tmp_path / "gateway" / "console" / "static" / "vendor" / "plotly-basic.css").read_text(encoding="utf-8")
    assert style.count("{") == 66
    with (tmp_path / "node_modules" / RECORD["package"] / "plotly-basic.min.js").open("ab") as stream:
        stream.write(b"\n")
    done = run()
    assert done.returncode == 1
    assert "plotly-basic.min.js has sha256" in done.stderr
    assert "fix:" in done.stderr
