"""
Copy Plotly from node_modules to gateway/console/static/vendor, and write its style rules beside it as a file.

Plotly inserts its rules into a style element, which the policy of the pages refuses. They are one table in the bundle:
selector without prefix -> declarations. Name, version, licence and digests are told by gateway/console/vendored.json.

usage: python scripts/vendor_plotly.py; runs on any Python 3.8 or later, without packages.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = json.loads((ROOT / "gateway" / "console" / "vendored.json").read_text(encoding="utf-8"))
PACKAGE = ROOT / "node_modules" / RECORD["package"]
VENDOR = ROOT / "gateway" / "console" / "static" / "vendor"
#: The table begins with this member; selectors stand for these prefixes.
_TABLE = re.compile(r'\{"X,X div":.*?\}')
_MEMBER = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z]\w*):("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_PREFIXES = (("X", ".js-plotly-plot .plotly"), ("Y", ".plotly-notifier"))


def rules(bundle: str) -> str:
    """Return the rules as a stylesheet, in the order in which they are in force: each one is inserted before all."""
    table = _TABLE.search(bundle)
    if table is None:
        raise SystemExit("vendor_plotly: the bundle has no style rules\n  fix: pin the version of vendored.json")
    lines = [f"{_selector(name)} {{ {_text(declarations)} }}" for name, declarations in _MEMBER.findall(table[0])]
    return "\n".join(reversed(lines)) + "\n"


def _selector(name: str) -> str:
    found = re.sub(r"^,", " ,", _text(name))
    for short, prefix in _PREFIXES:
        found = found.replace(short, prefix)
    return found


def _text(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1]) if literal[0] in "\"'" else literal


def main() -> None:
    """Copy, extract, and refuse whatever is not what the record says."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PACKAGE / "plotly-basic.min.js", VENDOR / "plotly-basic.min.js")
    shutil.copyfile(PACKAGE / "LICENSE", VENDOR / "plotly-basic.LICENSE")
    bundle = (VENDOR / "plotly-basic.min.js").read_text(encoding="utf-8")
    (VENDOR / "plotly-basic.css").write_text(rules(bundle), encoding="utf-8")
    for name, wanted in RECORD["files"].items():
        found = hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()
        if found != wanted:
            print(f"vendor_plotly: {name} has sha256 {found}, vendored.json says {wanted}", file=sys.stderr)
            print("  fix: npm ci, or write what was checked into gateway/console/vendored.json", file=sys.stderr)
            raise SystemExit(1)


if __name__ == "__main__":
    main()
