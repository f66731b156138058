"""One process of a model server: its start, its readiness, its memory, its end."""

import contextlib
import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.artifacts.remote import ChildSpec
from gateway.executors.readiness import Answer, Readiness
from gateway.executors.socket_folder import models_path, scratch_path
from gateway.process.model_servers.output import Output
from gateway.process.model_servers.socket_name import SocketName
from gateway.system import descendants, parent_death, private_folders
from gateway.system.memory import resident_bytes
from gateway.system.processes import is_running

log = logging.getLogger("gateway.model_server")

#: Interval of questions: while it starts, and from then on.
STARTING_S: Final = 0.03
SERVING_S: Final = 1.0

_numbers: Final = itertools.count(1)


class ServerProcess:
    """
    Start a process and follow it in two threads.

    Made in a thread that lives as long as the arbiter, because the process ends with it, and under FORK_LOCK. `changed`
    is called from a thread when it becomes ready, `routes` names what it serves.
    """

    def __init__(
        self, spec: ChildSpec, socket: SocketName, home: Path, *, routes: Callable[[], str], changed: Callable[[], None]
    ) -> None:
        self.socket = socket
        self.began = time.monotonic()
        #: How it ended, "" while it runs; why we ended it, "" where we did not.
        self.end = ""
        self.killed_for = ""
        self.is_leaving = False
        self._changed = changed
        number = next(_numbers)
        self._mark = descendants.own_mark(home, number)
        self._scratch = scratch_path(number)
        self._reaping = threading.Lock()
        self._answer: Answer | None = None
        self._answered_at = self.began
        self._ready_at = 0.0
        lifeline, self._lifeline = os.pipe()
        self._output, output = os.pipe()
        try:
            self._scratch.mkdir(mode=private_folders.MODE)
            own = {"TMPDIR": str(self._scratch), descendants.VARIABLE: self._mark.text}
            self._popen = _popen(spec, socket, own, lifeline, output)
        except OSError:
            os.close(self._lifeline)
            os.close(self._output)
            raise
        finally:
            os.close(lifeline)
            os.close(output)
        self.output = Output(self._output, self.pid, routes)
        for target in (self._follow_output, self._ask):
            threading.Thread(target=target, name=f"model-server-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._popen.pid

    @property
    def is_ready(self) -> bool:
        """Say whether it has answered that it is ready; so it stays while it answers at all."""
        return self._ready_at > 0 and not self.end

    @property
    def started_in_s(self) -> float:
        """Return how long it took to become ready."""
        return self._ready_at - self.began

    @property
    def silent_s(self) -> float:
        """Return for how long no question was answered."""
        return time.monotonic() - self._answered_at

    @property
    def refusal(self) -> str:
        """Return why it says that it will never be ready; "" otherwise."""
        answer = self._answer
        return answer.reason or "it refuses" if answer is not None and answer.is_final else ""

    @property
    def memory_bytes(self) -> int:
        """Return the resident memory of the process and of all that it started."""
        return sum(map(resident_bytes, (self.pid, *descendants.tree(self.pid))))

    def reap(self) -> bool:
        """Say whether it has ended; ends what it left in its process group, and takes its exit status."""
        with self._reaping:
            if self.end:
                return True
            try:
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    return False
                # The number of the group is not given out again before the process is reaped.
                with contextlib.suppress(OSError):
                    os.killpg(self.pid, signal.SIGKILL)
                found = os.waitid(os.P_PID, self.pid, os.WEXITED)
                self.end = _end(found.si_code, found.si_status) if found is not None else "ended"
            except ChildProcessError:
                self.end = "ended"  # gunicorn has reaped it between two looks, and dropped its status
            self._popen.returncode = 0
            return True

    def terminate(self) -> None:
        """Ask it to finish its calls and end."""
        self.is_leaving = True
        descendants.send(self.pid, signal.SIGTERM)

    def kill(self, reason: str = "") -> None:
        """End it now; a reason says why it must."""
        self.killed_for = self.killed_for or reason
        with self._reaping:
            if not self.end:
                descendants.send(self.pid, signal.SIGKILL)

    def clear(self) -> None:
        """Close what belonged to a process that has ended, and end and delete what it left behind."""
        descriptor, self._lifeline = self._lifeline, -1
        if descriptor >= 0:
            os.close(descriptor)
        self.socket.withdraw()
        for pid in descendants.marked_by(self._mark):
            descendants.send(pid, signal.SIGKILL)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def let_go(self, nothing: int) -> None:
        """Replace the copies of our pipes in a forked worker by `nothing`: the process ends with us, not with it."""
        for descriptor in (self._lifeline, self._output):
            if descriptor >= 0:
                os.dup2(nothing, descriptor, inheritable=False)

    def _follow_output(self) -> None:
        self.output.follow()
        # First forgotten, then closed: a fork in between must not take the number for ours.
        descriptor, self._output = self._output, -1
        os.close(descriptor)

    def _ask(self) -> None:
        readiness = Readiness(lambda: self.socket.path)
        while not self.end and not self.is_leaving:
            answer = readiness.ask()
            if answer is not None:
                self._answered_at = time.monotonic()
                self._answer = answer
                if not self._ready_at and (answer.is_ready or answer.is_final):
                    self._ready_at = time.monotonic() if answer.is_ready else 0.0
                    self._changed()
            time.sleep(SERVING_S if self._ready_at else STARTING_S)
            if not is_running(self.pid):
                break
        readiness.close()


def _popen(
    spec: ChildSpec, socket: SocketName, environ: Mapping[str, str], lifeline: int, output: int
) -> subprocess.Popen[bytes]:
    places = {"{socket}": socket.path, "{models}": str(models_path(spec.name))}
    argv = [places.get(word, word) for word in spec.argv]
    tied = [sys.executable, "-I", "-S", parent_death.__file__, str(int(signal.SIGKILL)), str(os.getpid())]
    return subprocess.Popen(
        [*tied, *argv],
        stdin=lifeline,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**spec.environ, **environ},
        cwd=spec.working_folder or None,
        start_new_session=True,
    )


def _end(code: int, status: int) -> str:
    if code == os.CLD_EXITED:
        return f"exited with {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(status).name}"
    return f"was ended by signal {status}"
