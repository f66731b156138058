"""Documents cannot lie for long: examples are run, lists are compared with the code, links are followed."""

import ast
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from gateway import __version__
from gateway.artifacts import golden_rows
from gateway.cli.main import COMMANDS
from gateway.registry.keys import ID_KEYS, INPUT_KEYS, OUTPUT_KEYS, ROUTE_KEYS, SERVER_KEYS, TOP_KEYS
from gateway.schema import Field, Output, Signature
from gateway.settings.settings import TABLE
from gateway.settings.unknown_names import FOREIGN
from serving import ROOT, Gateway

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Installed, generated or third-party: not ours to check.
ELSEWHERE = {".venv", ".venv-train", ".venv-ray", "mlruns", "node_modules", ".gateway", "build", "dist", "peers"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part in ELSEWHERE or part.startswith((".gateway", ".hypothesis", ".pytest")) for part in path.parts)
)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def example(document: str, name: str) -> str:
    """Return the code block that follows `<!-- example: NAME ... -->`."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {name}\b[^>]*-->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, f"{document} has no example {name}"
    return found[1]


def session(document: str, name: str) -> list[tuple[str, str]]:
    """Return (command, output) of a console block."""
    parts = re.split(r"^\$ (.*)\n", example(document, name), flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def registry_of_readme() -> str:
    """Return the first screen's registry."""
    return example("README.md", "registry")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the README's registry and the models beside it."""
    (tmp_path / "registry.yaml").write_text(registry_of_readme())
    for name in ("sentiment", "diabetes", "loan"):
        shutil.copytree(ROOT / "models" / name, tmp_path / "models" / name)
    return tmp_path


@pytest.fixture(scope="module")
def first_screen(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve the README's registry."""
    place = tmp_path_factory.mktemp("readme")
    with serving.running(place, cache, re.sub(r": models/", f": {ROOT}/models/", registry_of_readme())) as server:
        yield server


def ask(server: Gateway, command: str) -> Any:
    """Run a curl of a document against a server and return its JSON."""
    words = shlex.split(command.replace("localhost:8000", f"127.0.0.1:{server.port}"))
    assert words[0] == "curl"
    done = subprocess.run(["curl", "-sS", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def same(found: Any, shown: Any) -> bool:
    """Compare two answers: members, their order, values; fractions to five digits, request ids not at all."""
    if isinstance(shown, dict):
        return list(found) == list(shown) and all(same(found[k], shown[k]) for k in shown if k != "request_id")
    if isinstance(shown, list):
        return len(found) == len(shown) and all(map(same, found, shown))
    if isinstance(shown, float):
        return math.isclose(found, shown, rel_tol=1e-5, abs_tol=1e-6)
    return type(found) is type(shown) and bool(found == shown)


def run(folder: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """Run a `gateway ...` line of a document in a folder."""
    words = shlex.split(command)
    assert words[0] == "gateway"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return subprocess.run(
        [serving.COMMAND, *words[1:]], cwd=folder, env=bare, capture_output=True, text=True, check=False, timeout=60
    )


@needs_curl
def test_first_screen_answers(first_screen: Gateway) -> None:
    """The curl of the first screen gets the printed answer from the printed registry."""
    ((command, output),) = session("README.md", "curl")
    assert same(ask(first_screen, command), json.loads(output))


@needs_curl
@pytest.mark.parametrize(("document", "name"), [("README.md", "five"), ("docs/errors.md", "refused")])
def test_examples_answer(five: Gateway, document: str, name: str) -> None:
    """Every printed curl gets its printed answer from the repository's own registry."""
    for command, output in session(document, name):
        assert same(found := ask(five, command), json.loads(output)), (command, found)


def test_the_same_curl_works_with_both_registries(five: Gateway) -> None:
    """The first screen says `make run`, which serves the repository's registry: it gives the same answer."""
    ((_, output),) = session("README.md", "curl")
    assert same(five.post("/diabetes", {"data": "1,106,70,28,135,34.2,0.142,22"}).json, json.loads(output))


def test_faults_are_printed_as_shown(folder: Path) -> None:
    """The first screen's error message is what `gateway check` prints for that registry with two typing errors."""
    text = registry_of_readme().replace("minimum", "minimun").replace('positive: "yes"', 'positive: "yse"')
    (folder / "registry.yaml").write_text(text)
    ((command, output),) = session("README.md", "faults")
    done = run(folder, command)
    assert (done.returncode, done.stdout, done.stderr) == (78, "", output)


def test_a_model_is_added_as_shown(folder: Path) -> None:
    """`gateway describe` and `gateway add` print what the README shows, and the result is a sound registry."""
    for command, output in session("README.md", "add"):
        done = run(folder, command)
        assert (done.returncode, done.stdout) == (0, output), done.stderr
    assert run(folder, "gateway check").stdout == "ok: 3 routes\n"


def test_golden_example_is_one(tmp_path: Path) -> None:
    """The file that docs/golden.md shows can be read by the gateway."""
    path = tmp_path / "golden.json"
    path.write_text(example("docs/golden.md", "golden"))
    fields = (Field(name="age", type="number"), Field(name="area", type="string"))
    signature = Signature(inputs=fields, output=Output(kind="classification", labels=("no", "yes")))
    assert golden_rows.read(path, signature).size == 2


def test_generated_blocks_are_fresh() -> None:
    """Tables of keys, settings, metrics, codes, targets and commands are what the code says now."""
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_blocks_of_every_name_are_shown_somewhere() -> None:
    """No list that scripts/docs.py can make is left out of the documents, and no marker names an unknown list."""
    source = (ROOT / "scripts/docs.py").read_text(encoding="utf-8")
    made = set(re.findall(r'^    "([a-z-]+)": ', source.split("BLOCKS", 1)[1], re.MULTILINE))
    assert made == set(re.findall(r"<!-- begin ([a-z-]+) -->", TEXT))


def test_every_command_and_target_is_in_the_readme() -> None:
    """Whatever can be typed is listed on the first page."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE):
        assert f"| `make {target}` |" in README
    for command in COMMANDS:
        assert re.search(rf"^    {command.name} +{re.escape(command.help[:40])}", README, re.MULTILINE), command.name


@pytest.mark.parametrize("keys", [TOP_KEYS, ROUTE_KEYS, INPUT_KEYS, OUTPUT_KEYS, ID_KEYS, SERVER_KEYS])
def test_every_registry_key_is_documented(keys: Any) -> None:
    """A key that the parser knows has a row in docs/registry.md."""
    page = (ROOT / "docs/registry.md").read_text(encoding="utf-8")
    assert not [name for name in keys if f"| `{name}` |" not in page]


def test_settings_in_documents_are_those_of_the_code() -> None:
    """Each setting is documented, and no document names one that does not exist."""
    known = {setting.variable for setting in TABLE}
    named = set(re.findall(r"\bGATEWAY_[A-Z_]*[A-Z]\b", TEXT))
    assert known <= named
    assert named <= known | FOREIGN


def test_metrics_in_documents_are_those_of_the_page(five: Gateway) -> None:
    """Each metric on the real page is documented, and no document names one that is not there."""
    assert five.get("/diabetes", data="1,106,70,28,135,34.2,0.142,22").status in (200, 400)
    page = five.get("/metrics").body.decode()
    real = set(re.findall(r"^# TYPE (gateway_\w+) ", page, re.MULTILINE))
    documented = set(re.findall(r"^\| `(gateway_\w+)` \|", TEXT, re.MULTILINE))
    # This gateway has no model server to count, and takes no tokens, whose key set it would look after.
    elsewhere = ("gateway_executor_", "gateway_key_set_")
    assert real | {name for name in documented if name.startswith(elsewhere)} == documented
    named = set(re.findall(r"\bgateway_[a-z_]*[a-z]\b", TEXT)) - real - documented
    assert not {name for name in named if re.sub(r"_(bucket|sum|count)$", "", name) not in real}


def slugs(text: str) -> set[str]:
    """Return the anchors that a page of GitHub has for its headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Every link inside the repository names a file, and a heading where it has one."""
    path = ROOT / name
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        assert not anchor or anchor in slugs(found.read_text(encoding="utf-8")), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    """No page of docs/ is an orphan."""
    assert not [path.name for path in (ROOT / "docs").glob("[a-z]*.md") if f"](docs/{path.name})" not in README]


@pytest.mark.parametrize("name", NAMES)
def test_no_document_names_a_machine(name: str) -> None:
    """A reader has other folders than the writer had."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"/(?:home|Users)/\w+|/tmp/\w+", text)
    assert len(ROOT.parts) < 3 or f"{ROOT}/" not in text


@pytest.mark.parametrize("path", sorted((ROOT / "gateway").rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_every_package_says_what_it_is(path: Path) -> None:
    """The first sentence stands in the table of floors."""
    assert re.match(r"[A-Z`].+[.]", ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "", re.DOTALL)


def test_changelog_knows_this_version() -> None:
    """The version of the package has a section."""
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["scripts", "scripts/bench", "scripts/compare"])
def test_every_script_is_listed(folder: str) -> None:
    """The README of a folder of scripts names each of them."""
    listed = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    names = [path.name for path in sorted((ROOT / folder).iterdir()) if path.suffix in {".py", ".sh"}]
    assert [name for name in names if name != "__init__.py" and name.split(".")[0] not in listed] == []


def test_every_package_has_its_tests() -> None:
    """The tree of tests mirrors the packages; what compilers and explainers share or make is tested with them."""
    packages = {path.parent.name for path in (ROOT / "gateway").glob("*/__init__.py")}
    assert packages - {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} <= {"runtimes", "estimators"}
