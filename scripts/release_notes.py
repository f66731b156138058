"""
Print the section of CHANGELOG.md of a tag; refuse a tag that is not the version, and a section without a date.

usage: python scripts/release_notes.py v0.1.0
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(tag: str, version: str, changelog: str) -> str:
    """Return the section of a version; raises ValueError where tag, version and section are not one."""
    if tag != f"v{version}":
        raise ValueError(f"tag '{tag}' is not version {version}: tag v{version}, or change gateway/__init__.py")
    section = re.search(
        rf"^## \[{re.escape(version)}\] - (?P<date>.+)\n(?P<text>[\s\S]*?)(?=^## \[|\Z)", changelog, re.MULTILINE
    )
    if section is None:
        raise ValueError(f"CHANGELOG.md has no section '## [{version}] - DATE'")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", section["date"]):
        raise ValueError(f"'{section['date']}' is no date: write the day of the release, YYYY-MM-DD")
    if not section["text"].strip():
        raise ValueError(f"the section of {version} in CHANGELOG.md is empty")
    return section["text"].strip() + "\n"


def main() -> int:
    """Print the notes of the tag that is given."""
    package = (ROOT / "gateway" / "__init__.py").read_text(encoding="utf-8")
    version = re.findall(r'^__version__ = "(.+)"$', package, re.MULTILINE)[0]
    try:
        sys.stdout.write(notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except (IndexError, ValueError) as error:
        sys.stderr.write(f"{error if isinstance(error, ValueError) else __doc__}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
