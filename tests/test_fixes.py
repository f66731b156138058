"""
Every `fix:` is classified: made by a test (`does`), or advice with its reason.

`fixes.yaml` beside this file lists the texts by file, as the code writes them (`…` stands for what is filled in). A new
fix without a line there fails here, and so does a line whose fix has gone.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.cli.main import main
from gateway.codecs import parquet, xlsx
from gateway.environments import uv
from gateway.generations import snapshot
from gateway.loaders import table
from serving import ROOT

TEXT: Final = (Path(__file__).parent / "fixes.yaml").read_text(encoding="utf-8")
TABLE: Final[dict[str, Any]] = yaml.safe_load(TEXT)
REASONS: Final[dict[str, str]] = TABLE["reasons"]
#: What a fix is called where it is given, or kept until then.
_NAMED: Final = re.compile(r"_?(hint|fix|pip_lines?|\w+_hint|hints|fixes)", re.IGNORECASE)
#: Records whose third value is a fix.
_RECORDS: Final = frozenset({"Problem", "Finding", "Diagnosis"})


def texts_of(node: ast.AST) -> Iterator[str]:
    """Yield every text that an expression can be; one that only hands a fix on has none of its own."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node.value:
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*texts_of(node.body), *texts_of(node.orelse))
    elif isinstance(node, ast.BoolOp):
        yield from (text for value in node.values for text in texts_of(value))
    elif isinstance(node, ast.BinOp):
        left, right = [*texts_of(node.left), "…"][0], [*texts_of(node.right), "…"][0]
        yield left + right
    elif isinstance(node, ast.DictComp):
        yield from texts_of(node.value)
    elif isinstance(node, ast.Dict):
        yield from (text for value in node.values for text in texts_of(value))


def fixes_of(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of all fixes of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ("hint", "fix"):
                    yield from texts_of(keyword.value)
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in _RECORDS and len(node.args) > 2:
                yield from texts_of(node.args[2])
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and _NAMED.fullmatch(target.id) for target in targets):
                yield from texts_of(node.value)


def found() -> dict[str, set[str]]:
    """Return the fixes of every file of the package."""
    files = {path.relative_to(ROOT / "gateway").as_posix(): path for path in (ROOT / "gateway").rglob("*.py")}
    texts = {name: set(fixes_of(ast.parse(path.read_text(encoding="utf-8")))) for name, path in files.items()}
    return {name: one for name, one in sorted(texts.items()) if one}


def test_every_fix_is_classified() -> None:
    """Neither a fix without a line in fixes.yaml, nor a line without its fix."""
    told = {name: set(lines) for name, lines in TABLE["fixes"].items()}
    there = found()
    missing = {name: sorted(texts - told.get(name, set())) for name, texts in there.items()}
    stale = {name: sorted(lines - there.get(name, set())) for name, lines in told.items()}
    assert {name: texts for name, texts in missing.items() if texts} == {}, (
        "say in tests/fixes.yaml who does it, or why"
    )
    assert {name: lines for name, lines in stale.items() if lines} == {}, "these are no fixes any more"


def test_no_file_stands_twice() -> None:
    """Of two sections of one file YAML keeps the last: a line of the first would be lost unseen."""
    sections = re.findall(r"^  (\S+):$", TEXT, re.MULTILINE)
    assert len(sections) == len({*sections}) == len(TABLE["fixes"])


@pytest.mark.parametrize("name", TABLE["fixes"])
def test_every_class_is_true(name: str) -> None:
    """A test that is said to do a fix exists; a reason is one of those that the table explains."""
    for text, kind in TABLE["fixes"][name].items():
        if "::" in kind:
            file, _, function = kind.partition("::")
            assert f"def {function}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), (text, kind)
        else:
            assert kind in REASONS, (text, kind)


def test_a_new_fix_is_noticed() -> None:
    """Whatever the expression is in which a fix is written, its texts are found."""
    source = """
def f(error, known):
    raise LoadError("x", hint=f"pip install {error}")
    raise LoadError("x", hint="a" if known else "b")
    fault(fix=guess(known) or "delete it")
    return Problem("code", "message", "third")
hint = "later"
_JAVA_HINT: Final = "java" + more
_FIXES = {"key": "value"}
"""
    texts = {"pip install …", "a", "b", "delete it", "third", "later", "java…", "value"}
    assert set(fixes_of(ast.parse(source))) == texts


def pip_lines() -> set[str]:
    """Return every line with pip that a fix of the code names for this environment."""
    lines = {table.pip_line(name) for name, row in table.TABLE.items() if row.extra}
    return lines | {xlsx.PIP_LINE, parquet.PIP_LINE, uv.PIP_LINE}


@pytest.mark.parametrize("line", sorted(pip_lines()))
def test_pip_line_is_one_that_pip_takes(line: str) -> None:
    """What a fix says to install exists and fits what is installed: run as printed, but dry and without an index."""
    assert line.startswith("pip install "), line
    command = f"{sys.executable} -m {line} --dry-run --no-index"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "does not provide the extra" not in done.stderr


def test_prepare_commit_is_what_a_worker_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker without a generation says what to run; that makes the generation."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /m: m.stub\n")
    assert main(["history"]) == 0
    assert snapshot.committed(tmp_path / ".gateway" / "state") is None
    assert main(["prepare", "--commit"]) == 0
    assert snapshot.committed(tmp_path / ".gateway" / "state") is not None
    assert "committed generation" in capsys.readouterr().out


def test_no_fix_installs_a_release_for_all_routes() -> None:
    """A pinned release is named in one file only, and only for an environment of its own."""
    pinned = {
        (name, text)
        for name, texts in found().items()
        for text in texts
        if re.search(r"pip install '?(scikit-learn|xgboost|numpy|onnxruntime|h2o)[=<>]", text)
    }
    assert pinned == set()
