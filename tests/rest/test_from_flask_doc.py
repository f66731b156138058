"""docs/from-flask.md says what happens: its files are written, its app is trained and served, each command is run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import serving
from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from rest.test_clients_doc import answer_of
from serving import Gateway

TEXT = (serving.ROOT / "docs" / "from-flask.md").read_text()
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", TEXT, re.DOTALL))
REGISTRY, ADDED = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)```", TEXT, re.DOTALL)
SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def run(folder: Path, *command: str) -> str:
    """Run a command as a reader would."""
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": paths}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files of the page, and train."""
    folder = tmp_path_factory.mktemp("flask")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    run(folder, "python", "train.py")
    hashes = iter(run(folder, "sha256sum", "vectorizer.pkl", "model.pkl").split()[::2])
    (folder / "registry.yaml").write_text(SHA256.sub(lambda _: next(hashes), REGISTRY))
    return folder


@pytest.fixture(scope="module")
def served(app: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve the registry of the page."""
    with serving.running(tmp_path_factory.mktemp("served"), cache, app / "registry.yaml", workers=1) as gateway:
        yield gateway


def test_each_command_answers_as_shown(served: Gateway, app: Path) -> None:
    """A reader who copies a command sees what is printed below it."""
    assert len(COMMANDS) == TEXT.count("```sh\ncurl") >= 5
    for command, answer in COMMANDS:
        assert answer_of(served, command, app) == answer.strip()


@pytest.mark.slow
def test_the_app_becomes_five_lines(app: Path) -> None:
    """`gateway add` writes the lines that the page shows, and nothing else."""
    (command,) = re.findall(r"```sh\n(gateway add .*)\n```", TEXT)
    assert SHA256.sub("…", run(app, *command.split())) == SHA256.sub("…", ADDED)


def test_the_flask_app_itself_is_refused(app: Path) -> None:
    """A route cannot be a web application; the fault leads to this page."""
    loader, here = get_loader("python"), Path.cwd()
    with pytest.raises(LoadError) as error:
        loader.load(app / "app.py", LoadOptions(working_folder=app))
    assert (error.value.code, "docs/from-flask.md" in str(error.value.hint)) == ("python-entry", True)
    assert Path.cwd() == here


def test_there_are_twelve_questions() -> None:
    """Each has a heading of its own."""
    assert [int(number) for number in re.findall(r"^## (\d+)\. ", TEXT, re.MULTILINE)] == list(range(1, 13))
