"""What hosts and editors run: workflows, hooks and templates say what the project's own targets and tables say."""

import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml
from release_notes import notes

import extras
import serving

ROOT = serving.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> Any:
    """Return the content of a YAML file; the word `on` is a key, not a boolean."""
    return yaml.load((ROOT / name).read_text(encoding="utf-8"), yaml.BaseLoader)


def steps_of(job: dict[str, Any]) -> list[str]:
    """Return the commands of a job."""
    return [step["run"] for step in job["steps"] if "run" in step]


CI = read(".github/workflows/ci.yml")["jobs"]


def test_ci_runs_on_every_python_that_is_promised() -> None:
    """The matrix, the classifiers and the lowest version are one list."""
    promised = [text.rpartition(" ")[2] for text in PROJECT["project"]["classifiers"]]
    assert CI["test"]["strategy"]["matrix"]["python"] == promised
    assert PROJECT["project"]["requires-python"] == f">={promised[0]}"


def test_ci_runs_the_targets_and_nothing_else() -> None:
    """Whoever runs `.ci/run` has run what CI runs: `make lint` and `make test`."""
    assert steps_of(CI["test"]) == [".ci/run"]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make (\w+)$", script, re.MULTILINE) == ["lint", "test"]


def test_ci_knows_no_extras_and_lowest_versions() -> None:
    """One job installs no extra, one the lowest versions of all of them; both run the tests."""
    assert any(".[" not in step and "pip install . " in step for step in steps_of(CI["bare"]))
    assert any("lowest-direct" in step and ".[all]" in step for step in steps_of(CI["minimal"]))
    assert all(any("pytest" in step for step in steps_of(CI[name])) for name in ("bare", "minimal"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_read_only_and_know_no_secret(path: Any) -> None:
    """Nothing that a pull request brings can write to the repository, or send away what it does not have."""
    text = path.read_text(encoding="utf-8")
    assert read(f".github/workflows/{path.name}")["permissions"] == {"contents": "read"}
    assert "secrets." not in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_their_hash(path: Any) -> None:
    """A tag may be moved to other code, a hash may not; the comment says which release it is."""
    used = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), comment


def test_every_lock_is_audited_and_listed() -> None:
    """The bill of materials and the audit are made from the locks, each week as well; npm installs only its lock."""
    text = (ROOT / ".github" / "workflows" / "supply-chain.yml").read_text(encoding="utf-8")
    steps = steps_of(read(".github/workflows/supply-chain.yml")["jobs"]["audit"])
    assert "schedule:" in text
    for part in ("requirements*.lock", "npm audit", "npm sbom", "cyclonedx-py requirements"):
        assert any(part in step for step in steps), part
    installs = re.findall(
        r"npm (ci|install)\b(?! --prefix)", (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    )
    assert set(installs) == {"ci"}


def test_hooks_before_a_commit_call_what_lint_calls() -> None:
    """Each line of `make lint` is a hook, with the same program and the same checks."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.findall(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[0]
    lint = [line.strip().removeprefix("@$(BIN)/").removesuffix(" .") for line in recipe.splitlines()]
    hooks = [hook["entry"] for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert [hook.removeprefix(".venv/bin/").replace(" --force-exclude", "") for hook in hooks] == lint


def test_dependabot_knows_what_there_is() -> None:
    """Each ecosystem that it looks after has its file."""
    found = {one["package-ecosystem"] for one in read(".github/dependabot.yml")["updates"]}
    assert found == {"github-actions", "npm", "pip"}


@pytest.mark.parametrize("name", ["fault", "wish"])
def test_forms_ask_for_something(name: str) -> None:
    """A form has what the host demands: a name, a description, and fields with labels of their own."""
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    labels = [field["attributes"]["label"] for field in form["body"]]
    assert form["name"] and form["description"] and len(set(labels)) == len(labels) > 1
    assert any(field.get("validations", {}).get("required") == "true" for field in form["body"])


def test_every_package_of_an_extra_is_known_to_skip() -> None:
    """Without the extras their tests skip, as tests/extras.py knows; Ray has an environment of its own."""
    assert set(PROJECT["project"]["optional-dependencies"]) - {"all", "ray"} <= set(extras.BRINGS.values())


CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.3] - 2026-11-27\n\n### Added\n\n- this\n\n## [1.2.2] - x\n\n- old\n"


def test_notes_of_a_release_are_its_section() -> None:
    """The section of the version, without its head and without its neighbours."""
    assert notes("v1.2.3", "1.2.3", CHANGELOG) == "### Added\n\n- this\n"


@pytest.mark.parametrize(
    ("tag", "version", "why"),
    [
        ("v1.2.4", "1.2.3", "is not version 1.2.3"),
        ("v1.2.4", "1.2.4", "has no section"),
        ("v1.2.2", "1.2.2", "is no date"),
        ("v1x2x3", "1x2x3", "has no section"),
    ],
)
def test_a_release_that_does_not_fit_is_refused(tag: str, version: str, why: str) -> None:
    """Tag, version and a dated section are one, or nothing is built."""
    with pytest.raises(ValueError, match=why):
        notes(tag, version, CHANGELOG)


def test_commands_of_workflows_are_whole() -> None:
    """Every command can be split into words: no quote is left open."""
    for path in WORKFLOWS:
        for job in read(f".github/workflows/{path.name}")["jobs"].values():
            assert all(shlex.split(step) for step in steps_of(job))
