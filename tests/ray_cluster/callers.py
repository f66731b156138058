"""Clients that ask one gateway from several threads and keep each answer: which status, which generation, what, how long."""

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

#: A path and the body that is posted to it.
Question = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer; status 0 where there was none."""

    path: str
    at: float
    took: float
    status: int
    generation: str
    body: bytes


@dataclass
class Callers:
    """Ask the questions in turn between `start` and `stop`, in threads that wait for each answer."""

    port: int
    questions: Sequence[Question]
    threads: int = 4
    pause_s: float = 0.02
    seen: list[Answered] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Callers":
        for number in range(self.threads):
            thread = threading.Thread(target=self._ask, args=(number,), daemon=True)
            thread.start()
            self._running.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._running:
            thread.join(60)

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for path, value in itertools.islice(itertools.cycle(self.questions), number, None):
            if self._stopping.wait(self.pause_s):
                break
            at = time.monotonic()
            status, generation, body = 0, "", b""
            try:
                connection.request("POST", path, json.dumps(value), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                status, generation = answer.status, answer.headers.get("X-Gateway-Generation", "")
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                body = repr(error).encode()
                connection.close()
            self.seen.append(Answered(path, at, time.monotonic() - at, status, generation, body))
        connection.close()

    def failed(self, *paths: str) -> list[Answered]:
        """Return the answers, of some paths or of all, that were no 200."""
        return [one for one in self.seen if one.status != 200 and (not paths or one.path in paths)]

    @property
    def told(self) -> str:
        """Return what was counted, for the figures of a long test."""
        slowest = max((one.took for one in self.seen), default=0.0)
        return f"{len(self.seen)} answers {dict(Counter(one.status for one in self.seen))}, slowest {slowest:.2f} s"
