"""
The table docs/zoo.md: `python -m zoo.table FOLDER` in tests/, where FOLDER is what `zoo.grow` has grown.

Prepares every artifact as the gateway does, compares it, and writes what became of it.
"""

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from gateway.artifacts.manifest import Manifest

from .enclosure import CACHE, Case, Enclosure, examine, read_cases, registry_of
from .grow import known

HEAD = """# The zoo

Artifacts as users really save them. `tests/zoo/grow.py` trains them; the tests serve each through a preparing child,
its manifest, its route and HTTP, and compare with the answers of the library that made it: labels and their JSON
types exactly, numbers of originals within 1e-9, of compiled models within 1e-6 + 1e-5 x |expected|. Rows include
missing values, unknown levels and texts of several scripts. This page is written by
`cd tests && PYTHONPATH=.. python -m zoo.table FOLDER` after `python -m zoo.grow FOLDER`.

"""
REST = "\n## Artifacts of other versions"


def outcome(case: Case, manifest: Manifest | None) -> tuple[str, str]:
    """Return what became of a specimen, and why."""
    if "unavailable" in case.told:
        return "not grown", case.told["unavailable"]
    assert manifest is not None
    if manifest.problem is not None:
        return "refused", f"`{manifest.problem.code}`"
    if manifest.compiled is not None:
        return "served, compiled", f"{manifest.compiled.runtime}, {manifest.compiled.rows_proven:,} rows proven"
    return "served", manifest.compile_declined


def check(page: Path, cases: Mapping[str, Case], manifests: Mapping[str, Manifest]) -> list[str]:
    """Name the specimens whose line is missing or tells another outcome; reasons and timings may differ."""
    text = page.read_text()
    stale = []
    for name, case in cases.items():
        found = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), "")
        what = outcome(case, manifests.get(name))[0].partition(",")[0]
        if not found or f"| {what}" not in found:
            stale.append(f"{name}: {what}, the page says {found or 'nothing'}")
    return stale


def main() -> int:
    """Write the page; exit code 1 where an answer differs."""
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    cases = read_cases(folder, list(known()))
    home = Path(tempfile.mkdtemp(dir=folder.parent))
    registry = home / "registry.yaml"
    registry.write_text(registry_of(list(cases.values())))
    enclosure = Enclosure(home, folder / CACHE, registry)
    lines, count, wrong = [], Counter[str](), {}
    for name, case in cases.items():
        what, why = outcome(case, enclosure.manifests.get(name))
        if "unavailable" not in case.told and (fault := examine(case, enclosure)):
            wrong[name] = fault
            print(f"WRONG {name}: {fault}"[:600], flush=True)
        count[what] += 1
        title = case.told["title"].splitlines()[0].rstrip(".")
        lines.append(f"| `{name}` | {title} | {what} | {_cell(why)} |")
    figures = ", ".join(f"{number} {what}" for what, number in count.most_common())
    told = f"{len(cases)} artifacts: {figures}.\n\n| name | what it is | outcome | compiled model, or why none |\n"
    page = Path(__file__).resolve().parents[2] / "docs" / "zoo.md"
    # What follows is made by scripts/docs.py.
    _, mark, rest = page.read_text().partition(REST)
    page.write_text(HEAD + told + "| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n" + mark + rest)
    print(f"{len(cases)} artifacts: {figures}; {len(wrong)} wrong")
    return 1 if wrong else 0


def _cell(text: str) -> str:
    """Return text that keeps to its cell, without the values of one run."""
    line = " ".join(text.split()).replace("|", "\\|")
    if line.startswith("the compiled model is no faster"):
        return "the compiled model is no faster"
    return line if len(line) <= 140 else f"{line[:137]}…"


if __name__ == "__main__":
    sys.exit(main())
