"""A candidate is promoted, and rolled back, while clients ask."""

import json
import re
import shlex
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving import COMMAND, Gateway, free_port


class Load:
    """Ask one route over a few connections until told to stop."""

    def __init__(self, gateway: Gateway, path: str) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(gateway, path)) for _ in range(3)]

    def _ask(self, gateway: Gateway, path: str) -> None:
        connection = gateway.connect()
        while not self._stop.is_set():
            try:
                answer = connection.request("GET", path)
            except Exception as error:  # whatever a client would see
                connection, text = gateway.connect(), f"{type(error).__name__}: {error}"
                self.failures.append(text)
                continue
            with self._lock:
                if answer.status == 200:
                    self.answers[answer.json["prediction"]] += 1
                else:
                    self.failures.append(f"{answer.status} {answer.body[:200]!r}")
            time.sleep(0.005)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Ask while the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def stub(answer: str) -> str:
    """Return a model that answers one label."""
    output = {"kind": "classification", "labels": ["no", "yes"], "probabilities": True}
    return json.dumps({"inputs": [{"name": "age", "type": "number"}], "output": output, "answer": answer})


def promoted(tmp_path: Path, rounds: int) -> None:
    """Promote and roll back under load, several times; every request is answered, by one of the two models."""
    (tmp_path / "old.stub").write_text(stub("no"))
    (tmp_path / "new.stub").write_text(stub("yes"))
    (tmp_path / "rows.csv").write_text("age\n1\n2\n")
    registry = tmp_path / "registry.yaml"
    text = "version: 1\nroutes:\n  /m: old.stub  # of spring\n"
    registry.write_text(text)
    gateway = Gateway(home=tmp_path, registry=registry, port=free_port())
    try:
        gateway.start().wait()
        before = gateway.health()["generation"]
        with Load(gateway, "/m?age=1").running() as load:
            for _ in range(rounds):
                done = gateway.command("promote", "new.stub", "--route", "/m", "--data", "rows.csv")
                assert done.returncode == 0, done.stdout + done.stderr
                assert "2 of 2 change (100.0%)" in done.stdout
                assert "served by 2 workers\n" in done.stdout
                assert gateway.get("/m", age=1).json["prediction"] == "yes"
                undo = re.search(r"^undo at once: +(gateway rollback \w+)$", done.stdout, re.MULTILINE)
                assert undo is not None
                assert gateway.command(*shlex.split(undo[1])[1:]).returncode == 0
                gateway.wait()
                assert gateway.get("/m", age=1).json["prediction"] == "no"
                line = re.search(r"^undo the edit: +(.+)$", done.stdout, re.MULTILINE)
                assert line is not None
                words = f'PATH={shlex.quote(str(COMMAND.parent))}:"$PATH"; {line[1]}'
                subprocess.run(["sh", "-ec", words], cwd=tmp_path, env=gateway.environ, check=True, timeout=60)
                assert registry.read_text() == text
                gateway.wait()
                assert gateway.health()["generation"] == before
        assert load.failures == []
        assert set(load.answers) == {"no", "yes"}
    finally:
        gateway.stop()


@pytest.mark.slow
def test_a_promotion_and_its_undoing_lose_no_request(tmp_path: Path) -> None:
    """Both workers swap while clients ask; the lines that the command prints undo it."""
    promoted(tmp_path, 1)


@pytest.mark.slow
def test_ten_promotions_lose_no_request(tmp_path: Path) -> None:
    """Forth and back ten times, under load all the while."""
    promoted(tmp_path, 10)
