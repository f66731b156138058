"""
Write the rule file and the dashboard from the definitions of the metrics: `generate.py`, or `generate.py --check`.

`--check` writes nothing and fails where a file is not what it would write.
"""

import argparse
import json
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))  # run as a script, only its own folder is on the path

from monitoring.catalogue import catalogue  # noqa: E402
from monitoring.dashboard import dashboard  # noqa: E402
from monitoring.rules import rule_file  # noqa: E402

NOTICE = "# Written by scripts/monitoring/generate.py from scripts/monitoring/rules.py; edit that.\n"


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def generated() -> dict[Path, str]:
    """Return what each generated file has to hold."""
    rules = yaml.dump(rule_file(), Dumper=_Dumper, sort_keys=False, width=120)
    scoreboard = json.dumps(dashboard(catalogue()), indent=2) + "\n"
    return {HERE / "gateway.rules.yml": NOTICE + rules, HERE / "dashboard.json": scoreboard}


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file is out of date")
    check = parser.parse_args().check
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(
            f"{path.name}: out of date; run: python scripts/monitoring/generate.py" if check else f"wrote {path.name}"
        )
        if not check:
            path.write_text(generated()[path])
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
