"""Code and the files that it reads are one version: it changes in all workers, and no version ever has two answers."""

import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

import serving
from serving import Gateway

CODE = """
import json
from pathlib import Path

import helper

HERE = Path(__file__).resolve().parent
WEIGHT = json.loads((HERE / "weight.json").read_text())


def predict(x: float) -> str:
    late = (HERE / "late.txt").read_text()
    return f"{WEIGHT} {helper.NAME} {late}"
"""
ELSEWHERE = "TEXT = open({path!r}).read()\ndef predict(x: float) -> str:\n    return TEXT + open({path!r}).read()\n"


class Asking:
    """Ask routes all the time, and note which answers came under which version."""

    def __init__(self, gateway: Gateway, *paths: str) -> None:
        self.answers: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.failed: list[Any] = []
        self._gateway, self._paths = gateway, paths
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.01):
            for path in self._paths:
                try:
                    answer = self._gateway.form(path, x=1)
                except (OSError, HTTPException):
                    continue  # its worker was killed
                if answer.status == 200:
                    self.answers[path, answer.headers["x-model-version"]].add(answer.json["prediction"])
                else:
                    self.failed.append((path, answer.status, answer.json))


def versions(gateway: Gateway, path: str) -> set[str]:
    """Return the version that answers, seen over enough connections to reach both workers; "" for a refusal."""
    answers = [gateway.form(path, x=1) for _ in range(16)]
    return {answer.headers["x-model-version"] if answer.status == 200 else "" for answer in answers}


def write(path: Path, text: str) -> None:
    """Replace a file whole, as a deployment does."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


def replace_and_wait(gateway: Gateway, path: Path, text: str, route: str) -> None:
    """Replace a file, kill a worker in the same moment, and wait for the new version in all workers."""
    before = versions(gateway, route)
    write(path, text)
    os.kill(gateway.workers()[0], signal.SIGKILL)

    def is_new() -> bool:
        health = gateway.health()
        is_full = bool(health) and health["ready_workers"] >= 2 and not health["pending"] and health["same_generation"]
        return is_full and len(now := versions(gateway, route)) == 1 and now.isdisjoint({*before, ""})

    serving.until(is_new, 60, what=f"a new version of {route}")


@pytest.mark.slow
def test_a_replaced_file_is_a_new_version_in_all_workers(tmp_path: Path, gateway: Callable[..., Gateway]) -> None:
    """Opened at import, in a call, imported, and elsewhere on the disk: replaced while a worker dies."""
    project = tmp_path / "project"
    project.mkdir()
    elsewhere = tmp_path / "elsewhere.txt"
    texts = {"weight.json": "1", "late.txt": "late", "helper.py": "NAME = 'helper'\n", "abbreviations.py": CODE}
    texts["far.py"] = ELSEWHERE.format(path=str(elsewhere))
    for name, text in texts.items():
        (project / name).write_text(text)
    elsewhere.write_text("far")
    registry = project / "registry.yaml"
    registry.write_text("version: 1\nroutes:\n  /words: abbreviations.py\n  /far: far.py\n")
    served = gateway(registry)
    assert served.form("/words", x=1).json == {"prediction": "1 helper late"}
    listed = {route["path"]: route.get("files", []) for route in served.get("/routes").json["routes"]}
    assert {Path(one["path"]).name: one["copied"] for one in listed["/words"]} == dict.fromkeys(
        ("weight.json", "late.txt", "helper.py"), True
    )
    assert [(one["path"], one["copied"]) for one in listed["/far"]] == [(str(elsewhere), False)]
    with Asking(served, "/words", "/far") as asking:
        replace_and_wait(served, project / "weight.json", "2", "/words")
        write(project / "late.txt", "later")
        write(project / "helper.py", "NAME = 'other'\n")
        replace_and_wait(served, elsewhere, "near", "/far")
        serving.until(lambda: served.form("/words", x=1).json == {"prediction": "2 other later"}, 60, what="the rest")
        assert served.form("/far", x=1).json == {"prediction": "nearnear"}
    assert {version: answers for version, answers in asking.answers.items() if len(answers) > 1} == {}
    assert len({version for path, version in asking.answers if path == "/words"}) >= 3
    # Between the replacement and the new version a file elsewhere is refused, never mixed in; copies always serve.
    refused = {(path, status, body.get("type", "").rpartition(":")[2]) for path, status, body in asking.failed}
    assert {one for one in refused if one[0] == "/words"} == set()
    assert refused <= {("/far", 503, "file-changed")}


@pytest.mark.slow
def test_a_broken_file_keeps_the_version_that_serves(tmp_path: Path, gateway: Callable[..., Gateway]) -> None:
    """A neighbour that cannot be read any more is refused; workers that start meanwhile serve the version before."""
    (tmp_path / "weight.json").write_text("1")
    code = CODE.replace("import helper\n", "").replace(" {helper.NAME} {late}", "").split("    late")[0]
    (tmp_path / "abbreviations.py").write_text(code + '    return f"{WEIGHT}"\n')
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /words: abbreviations.py\n")
    served = gateway(tmp_path / "registry.yaml")
    before = versions(served, "/words")
    write(tmp_path / "weight.json", "{broken")
    serving.until(lambda: "refused" in served.command("history").stdout, 60, what="the refusal")
    os.kill(served.workers()[0], signal.SIGKILL)
    serving.until(lambda: served.health().get("ready_workers") == 2, 60, what="the successor")
    assert versions(served, "/words") == before
    assert served.form("/words", x=1).json == {"prediction": "1"}
    write(tmp_path / "weight.json", "3")
    serving.until(lambda: served.form("/words", x=1).json == {"prediction": "3"}, 60, what="the repaired file")
