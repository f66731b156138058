"""
Write gateway/loaders/versions/proven.json: which classes of which versions answer here as where they were written;
and tests/versions/outcomes.json: which artifacts serve, and which are refused (docs/zoo.md shows it).

    python -m foreign.compare [--check]        (in scripts/, with the locked versions installed)

A class of a version is proven where an artifact with it answers equally, and none of its artifacts answers otherwise.
"""

import argparse
import json
import logging
import os
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from foreign.archives import FOLDER, Artifact, all_archives, ask, unpack
from gateway.errors import LoadError
from gateway.loaders.sklearn import SklearnPredictor
from gateway.loaders.versions import provenance
from gateway.loaders.versions.provenance import LIBRARIES, Part, installed, minor
from gateway.prepare.acceptance import accept

Outcome = tuple[str, frozenset[Part]]


def outcomes() -> list[Outcome]:
    """Return for every artifact that loads whether it answers equally, and its parts."""
    found = []
    for archive in all_archives():
        counts: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as folder:
            for artifact in unpack(archive, Path(folder)):
                result, predictor = ask(artifact)
                counts[result] += 1
                if isinstance(predictor, SklearnPredictor):
                    found.append((result, predictor.parts))
        print(archive.name, dict(counts))
    return found


def proven(found: list[Outcome]) -> set[tuple[str, str, str]]:
    """Return (library, class, minor) such that every artifact whose parts are all among them answers equally."""
    equal = Counter(key for result, parts in found if result == "equal" for key in keys_of(parts))
    known = set(equal)
    while True:
        contradicting = [keys_of(parts) for result, parts in found if result == "wrong" and keys_of(parts) <= known]
        if not contradicting:
            return known
        for keys in contradicting:
            # What fewest others vouch for is what differs: a wrong tree in a pipeline does not indict the scaler.
            rarest = min(equal[key] for key in keys)
            known -= {key for key in keys if equal[key] == rarest}


def keys_of(parts: frozenset[Part]) -> set[tuple[str, str, str]]:
    """Return the rows of the table that an artifact needs: what the installed version wrote needs none."""
    return {
        (part.package, part.name, minor(part.version))
        for part in parts
        if minor(part.version) != minor(installed(part.package))
    }


def served_or_refused() -> dict[str, Any]:
    """Return for every archive how many artifacts serve without golden rows, and which are refused with which code."""
    found: dict[str, Any] = {}
    for archive in all_archives():
        served: list[str] = []
        refused: dict[str, list[str]] = {}
        with tempfile.TemporaryDirectory() as folder:
            for artifact in unpack(archive, Path(folder)):
                code = code_of(artifact)
                (refused.setdefault(code, []) if code else served).append(artifact.path.name)
                versions = artifact.versions
        found[archive.name.removesuffix(".tar.xz")] = {"versions": versions, "served": len(served), "refused": refused}
    return found


def code_of(artifact: Artifact) -> str:
    """Return why a route with this artifact alone would be refused; "" where it answers as its own version did."""
    result, predictor = ask(artifact)
    if result != "equal":
        return result.removeprefix("refused: ")
    try:
        accept(getattr(predictor, "skew", None), accepted=None, golden_rows=0, installed=())
    except LoadError as error:
        return error.code
    return ""


def table(known: set[tuple[str, str, str]]) -> dict[str, Any]:
    """Return the document of proven.json."""
    made: dict[str, Any] = {}
    for library in LIBRARIES:
        classes: dict[str, list[str]] = {}
        for _, name, version in sorted(key for key in known if key[0] == library and key[2] != provenance.UNKNOWN):
            classes.setdefault(name, []).append(version)
        ordered = {name: sorted(versions, key=_order) for name, versions in classes.items()}
        made[library] = {"installed": minor(installed(library)), "classes": ordered}
    return made


def _order(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def text_of(document: dict[str, Any]) -> str:
    """Return JSON with one class a line."""
    text = json.dumps(document, indent=1)
    return _one_line_lists(text) + "\n"


def _one_line_lists(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        if lines and "[" in lines[-1] and "]" not in lines[-1]:
            lines[-1] += (" " if lines[-1].endswith(",") else "") + line.strip()
        else:
            lines.append(line)
    return "\n".join(lines)


def main() -> int:
    """Write the table, or with --check say whether it is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 where the table is stale")
    is_check = parser.parse_args().check
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    path = Path(provenance.__file__).with_name("proven.json")
    text = text_of(table(proven(outcomes())))
    if is_check:
        return int(path.read_text() != text)
    path.write_text(text)
    provenance._table.cache_clear()
    FOLDER.with_name("outcomes.json").write_text(_one_line_lists(json.dumps(served_or_refused(), indent=1)) + "\n")
    print(f"{text.count('[')} classes in {path.name}")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    raise SystemExit(main())
