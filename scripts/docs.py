"""
Rewrite the blocks of the documents that the code can tell: between `<!-- begin NAME -->` and `<!-- end NAME -->`.

usage: python scripts/docs.py [--check]; --check rewrites nothing and exits with 1 if a block is stale.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

import code_lists
import locked
import owasp
from floors import FLOORS, PACKAGE, packages_in, purpose

from gateway.console import policy
from gateway.errors import GatewayError
from gateway.loaders.versions.repairs import ROWS
from gateway.metrics import current_state
from gateway.metrics.instruments import BUCKETS, INSTRUMENTS, MAX_LABELS
from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.key_definition import Key
from gateway.registry.keys import (
    DEFAULTS_KEYS,
    EXECUTOR_KEYS,
    ID_KEYS,
    INPUT_KEYS,
    LIMIT_KEYS,
    OUTPUT_KEYS,
    PLOT_KEYS,
    READING_KEYS,
    ROUTE_KEYS,
    SERVER_KEYS,
    TOP_KEYS,
)
from gateway.registry.limit_keys import LimitKeys
from gateway.registry.paths import RESERVED, RESERVED_ENDS, RESERVED_TREES
from gateway.registry.plot_keys import PlotKeys
from gateway.registry.reading_keys import ReadingKeys
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import OutputKeys, RouteSpec
from gateway.rest.errors import STATUS
from gateway.settings.settings import TABLE

ROOT: Final = Path(__file__).resolve().parent.parent
DOCUMENTS: Final = (
    "README.md",
    "docs/architecture.md",
    "docs/console.md",
    "docs/registry.md",
    "docs/settings.md",
    "docs/metrics.md",
    "docs/errors.md",
    "docs/operations.md",
    "docs/security.md",
    "docs/zoo.md",
)
_BLOCK: Final = re.compile(r"(<!-- begin ([a-z-]+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)
_KINDS: Final = {
    "flag": "`true` or `false`",
    "bytes": "a size: `33554432`, `32MiB`",
    "scalars": "a list",
    "one_or_more": "a value or a list",
    "texts": "a list of text",
    "text_or_texts": "text or a list of text",
    "text_or_list": "text or a list of text",
    "json": "any value",
    "section": "a mapping",
    "scalar": "a value",
}


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def keys(found: Mapping[str, Key], spec: Any = None) -> str:
    """Return the table of the keys of one level."""
    defaults = {} if spec is None else {field.name: field for field in fields(spec)}
    rows = []
    for key in found.values():
        doc = key.doc if key.kind != "reserved" else f"{key.doc}; reserved, a fault until it exists"
        if spec is ServerSpec and not code_lists.is_used(key.target):
            doc += "; checked, without effect yet"
        rows.append((f"`{key.name}`", _kind(key), _default(defaults.get(key.target)), doc))
    return table(("key", "value", "default", "meaning"), rows)


def _kind(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    text = _KINDS.get(key.kind, key.kind)
    if key.kind == "reserved":
        return ""
    if key.minimum is not None and key.minimum == key.maximum:
        return f"`{key.minimum:g}`"
    bounds = [
        f"above {key.above:g}" if key.above is not None else "",
        f"from {key.minimum:,g}" if key.minimum is not None and key.kind != "bytes" else "",
        f"to {key.maximum:,.0f}" if key.maximum is not None else "",
        f"like `{key.pattern}`" if key.pattern else "",
        f"(type {' or '.join(key.for_types)})" if key.for_types else "",
    ]
    return " ".join(filter(None, [text, *bounds]))


def _default(field: Any) -> str:
    if field is None or field.default is MISSING or field.default in (None, "", ()) or not _is_plain(field.default):
        return ""
    value = field.default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def settings() -> str:
    """Return the table of settings."""
    rows = [(f"`{one.variable}`", one.expected, f"`{one.default}`", one.help) for one in TABLE]
    return table(("variable", "value", "default", "meaning"), rows)


def metrics() -> str:
    """Return the table of metrics: those of the instruments, then those of the page."""
    rows: list[tuple[str, ...]] = []
    for instrument in INSTRUMENTS:
        name = instrument.name + ("_total" if instrument.kind == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in instrument.labels)
        rows.append((f"`{name}`", instrument.kind, labels, instrument.documentation))
    for line in _rendered().splitlines():
        if line.startswith("# HELP gateway_") and not any(line.split()[2] == row[0].strip("`") for row in rows):
            _, _, name, documentation = line.split(" ", 3)
            rows.append((f"`{name}`", _said(name, "TYPE"), _labels(name), documentation))
    return table(("metric", "type", "labels", "meaning"), rows)


def _rendered() -> str:
    """Return the part of the page that is no instrument, with one route in it."""
    model = current_state.ModelRow(route="r", states={"ready": 1}, load_seconds=1.0, size_bytes=1)
    facts = current_state.CurrentState(
        routes=["r"],
        generation="g",
        models=(model,),
        in_flight={"r": 0},
        queue_depth={"r": 0},
        reloads={"committed": 1},
        last_reload_success_at=1.0,
        worker_pss_bytes=1,
        model_servers={"r": current_state.ServerRow(ready=1, restarts=0, memory_bytes=1)},
        key_set=current_state.KeySetRow(is_up=True, age_s=1.0),
    )
    return current_state.render_state(facts, openmetrics=False)


def _said(name: str, what: str) -> str:
    found = re.search(rf"^# {what} {name} (.*)$", _rendered(), re.MULTILINE)
    return found[1] if found else ""


def _labels(name: str) -> str:
    found = re.search(rf"^{name}\{{(.*?)\}} ", _rendered(), re.MULTILINE)
    return ", ".join(f"`{label}`" for label in re.findall(r'(\w+)="', found[1])) if found else ""


def limits_of_metrics() -> str:
    """Return buckets and the limit of label values."""
    buckets = " ".join(f"{bucket:g}" for bucket in BUCKETS)
    return (
        f"Buckets of the histograms, in seconds: {buckets}.\n"
        f"A route has at most {MAX_LABELS} series for labels and as many for fields; "
        "what is beyond, or declared nowhere, counts as `(other)`."
    )


def statuses() -> str:
    """Return every HTTP status with the codes that come with it."""
    rows = [(status, kind.code, (kind.__doc__ or "").strip().splitlines()[0]) for kind, status in STATUS.items()]
    rows = [row for row in rows if row[1] != GatewayError.code]
    rows += [(500, one.code, one.message) for one in code_lists.named(("GatewayError",)) if one.code == "internal"]
    meanings = {(status, code): text for status, code, text in code_lists.statuses()}
    meanings |= {(status, code): text for status, code, text in rows}
    return table(("status", "code", "meaning"), [(str(s), f"`{c}`", meanings[s, c]) for s, c in sorted(meanings)])


def route_codes() -> str:
    """Return what may stop a route."""
    rows = [
        (f"`{one.code}`", one.message)
        for one in code_lists.named((*code_lists.ROUTE_ERRORS, "RegistryError", "Problem"))
    ]
    return table(("code", "says, for example"), rows)


def registry_codes() -> str:
    """Return the faults of a registry."""
    rows = [(f"`{code}`", message, fix) for code, message, fix in code_lists.registry_codes()]
    return table(("code", "says, for example", "fix, for example"), rows)


def reserved() -> str:
    """Return the paths that no route may have."""
    exact, trees, ends = (
        ", ".join(f"`{path}`" for path in paths) for paths in (RESERVED, RESERVED_TREES, RESERVED_ENDS)
    )
    return f"Reserved paths: {exact}; everything below {trees}; every path that ends in {ends}."


def targets() -> str:
    """Return the table of make targets."""
    lines = _run("make", "--no-print-directory", "help").splitlines()
    rows = [line.strip().split(None, 2) for line in lines]
    return table(("command", "does"), [(f"`{make} {name}`", text) for make, name, text in rows])


def commands() -> str:
    """Return `gateway --help`."""
    return "```\n" + _run(sys.executable, "-m", "gateway", "--help").strip() + "\n```"


def pythons() -> str:
    """Return the versions that the lock brings to one Python and not to another."""
    return table(("", *(f"Python {version}" for version in locked.pythons())), locked.differing())


def floors() -> str:
    """Return the table of the floors: each package with what it says of itself."""
    rows = []
    for number, floor in enumerate(FLOORS):
        for member in (each for package in floor for each in (package, *packages_in(package))):
            name = f"`{member}/`" if (PACKAGE / member).is_dir() else f"`{member}.py`"
            rows.append((str(len(FLOORS) - 1 - number), name, purpose(member)))
    return table(("floor", "where", "what"), rows)


def _run(*words: str) -> str:
    environ = {**os.environ, "COLUMNS": "100", "MAKEFLAGS": "", "MAKELEVEL": "0"}
    return subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout


def other_versions() -> str:
    """Return what became of the artifacts of other versions, one row for each set (scripts/foreign/compare.py)."""
    found = json.loads((ROOT / "tests" / "versions" / "outcomes.json").read_text(encoding="utf-8"))
    rows = [
        (f"`{name}`", _writers(entry["versions"]), str(entry["served"]), _refusals(entry["refused"]) or "-")
        for name, entry in found.items()
    ]
    served = sum(entry["served"] for entry in found.values())
    refused = sum(len(names) for entry in found.values() for names in entry["refused"].values())
    told = f"{served + refused:,} artifacts: {served:,} served, {refused:,} refused by name, 0 wrong."
    return f"{told}\n\n{table(('set', 'written by', 'served', 'refused'), rows)}"


def _writers(versions: Mapping[str, str]) -> str:
    shown = {"imblearn": "imbalanced-learn"}
    return ", ".join(f"{shown.get(name, name)} {version}" for name, version in versions.items() if name != "numpy")


def _refusals(refused: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"`{code}`: {', '.join(names)}" for code, names in refused.items())


def repairs() -> str:
    """Return the table of repairs of what other versions wrote."""
    rows = [(", ".join(sorted(row.classes)), f"before {row.before}", row.exact) for row in ROWS]
    return table(("classes", "written", "why the answers stay the same"), rows)


def page_headers() -> str:
    """Return the headers of a page, and what differs where it has a plot."""
    plain, plotted = policy.headers_of(), policy.headers_of(has_plot=True)
    rows = [(f"`{name}`", f"`{value}`") for name, value in plain.items()]
    rows += [(f"`{name}`, with a plot", f"`{value}`") for name, value in plotted.items() if value != plain[name]]
    return table(("header", "value"), rows)


def owasp_items() -> str:
    """Return each item of the OWASP lists, with what is done about it and the tests that show it."""
    return table(("item", "measure", "shown by"), owasp.rows())


BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    "floors": floors,
    "page-headers": page_headers,
    "owasp": owasp_items,
    "other-versions": other_versions,
    "repairs": repairs,
    "top-keys": lambda: keys(TOP_KEYS),
    "route-keys": lambda: keys(ROUTE_KEYS, RouteSpec),
    "input-keys": lambda: keys(INPUT_KEYS),
    "reading-keys": lambda: keys(READING_KEYS, ReadingKeys),
    "output-keys": lambda: keys(OUTPUT_KEYS, OutputKeys),
    "executor-keys": lambda: keys(EXECUTOR_KEYS, ExecutorKeys),
    "limit-keys": lambda: keys(LIMIT_KEYS, LimitKeys),
    "plot-keys": lambda: keys(PLOT_KEYS, PlotKeys),
    "id-keys": lambda: keys(ID_KEYS),
    "server-keys": lambda: keys(SERVER_KEYS, ServerSpec),
    "defaults-keys": lambda: ", ".join(f"`{name}`" for name in DEFAULTS_KEYS),
    "reserved-paths": reserved,
    "settings": settings,
    "metrics": metrics,
    "metric-limits": limits_of_metrics,
    "statuses": statuses,
    "request-codes": lambda: ", ".join(f"`{code}`" for code in code_lists.request_codes()) + ".",
    "route-codes": route_codes,
    "registry-codes": registry_codes,
    "make-targets": targets,
    "pythons": pythons,
    "gateway-help": commands,
}


def rewritten(text: str) -> str:
    """Return a document with every block made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def main() -> int:
    """Rewrite or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a block is stale")
    check = parser.parse_args().check
    stale = []
    for name in DOCUMENTS:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        if (fresh := rewritten(text)) != text:
            stale.append(name)
            if not check:
                path.write_text(fresh, encoding="utf-8")
    for name in stale:
        print(f"{name}: stale, run: python scripts/docs.py" if check else f"{name}: rewritten")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
