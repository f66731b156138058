"""
Figures of the running processes of a checkout: start, memory, imports, and the path of a request and of an edit.

Knows `gateway serve` and HTTP; which functions are entered is noted by `probe/`.
"""

import contextlib
import json
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from compare.requests.base import post
from compare.served import Server, ask, serving
from compare.wire import Connection

PROBE: Final = Path(__file__).parent / "probe"
OFF, NOTES, MODULES = 0, 1, 2
#: Where the code of a worker begins; a checkout has the first and one of the others.
WORKER: Final = ("gateway.process.worker", "gateway.serving", "gateway.process.generation_follower")
_PREPARING: Final = ("compilers/", "prepare", "proof")
#: What each route of registry.yaml is asked.
BODIES: Final[Mapping[str, Any]] = {
    "/sentiment": {"query": "that movie was boring"},
    "/diabetes": {"data": "1,106,70,28,135,34.2,0.142,22"},
    "/loan": {"age_group": "Young", "car_type": "SUV", "loanamount": 12342, "deposit": 2360, "area": "rural"},
    "/earnings": {"sat": 800, "tuit": 15000, "region": "1", "locale": "11", "adm": 0.3, "coltype": "Public"}
    | {"cred": "Bachelors Degree", "cip": "Dentistry."},
    "/insurance": {"Gender": "Male", "Age": 44, "Driving_License": 1, "Region_Code": "28", "Previously_Insured": 0}
    | {"Vehicle_Age": "> 2 Years", "Vehicle_Damage": "Yes", "Annual_Premium": 40454, "Policy_Sales_Channel": "26"}
    | {"Vintage": 217},
}
#: The request whose path is counted: one row as a JSON object.
ROW: Final = post("five", "row", "/loan", BODIES["/loan"]).pieces[0]
ROUNDS: Final = 12
#: A process that only waits is looked at for so long.
IDLE_S: Final = 3.0


class Probe:
    """Read what `probe/` writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.switch(OFF)
        (folder / "entered").touch()

    def switch(self, state: int) -> None:
        """Tell all processes what to note."""
        with (self.folder / "switch").open("r+b" if (self.folder / "switch").exists() else "wb") as file:
            file.write(bytes([state]))

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note for the length of the block."""
        self.switch(NOTES)
        try:
            yield
        finally:
            self.switch(OFF)

    def entered(self, begin: int = 0, end: int = 1 << 63) -> list[str]:
        """Return `file:line:name` of each function entered between two moments, in order."""
        lines = (line.split(" ", 2) for line in (self.folder / "entered").read_text().splitlines())
        return [place for moment, _, place in lines if begin <= int(moment) <= end]

    def forget(self) -> None:
        """Begin anew."""
        (self.folder / "entered").write_bytes(b"")

    def modules(self, pid: int) -> dict[str, str | None]:
        """Return the modules of one process, as soon as it enters a function."""
        file = self.folder / f"modules-{pid}"
        self.switch(MODULES)
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError, ValueError):
                    found: dict[str, str | None] = json.loads(file.read_text())
                    return found
                time.sleep(0.05)
            raise SystemExit(f"process {pid} enters no function")
        finally:
            self.switch(OFF)


def figures(tree: Path, scratch: Path, port: int) -> dict[str, float]:
    """Return the figures by name, without the time of a start; leaves a warm cache in `scratch`."""
    registry = tree / "registry.yaml"
    home = scratch / "home"
    with serving(tree, "cold", registry, home, port):
        pass  # prepares
    found = own_imports(tree)
    with serving(tree, "memory", registry, home, port, GATEWAY_WORKERS="2") as server:
        found["PSS of a worker after the boot, MB"] = statistics.mean(pss(pid) for pid in workers(server))
        for _ in range(10):
            predict_all(server)  # a new connection each: both workers are asked
        found["PSS of a worker after predicts, MB"] = statistics.mean(pss(pid) for pid in workers(server))
    for is_asked in (False, True):
        found |= imports(tree, scratch, port, is_asked=is_asked)
    return found | paths(tree, scratch, port)


def boot_s(tree: Path, scratch: Path, port: int) -> float:
    """Return the seconds from the start of `gateway serve` until every worker serves, over the cache in `scratch`."""
    began = time.monotonic()
    with serving(tree, "boot", tree / "registry.yaml", scratch / "home", port, GATEWAY_WORKERS="2"):
        return time.monotonic() - began


def workers(server: Server) -> list[int]:
    """Return the process ids of the workers."""
    return [worker["pid"] for worker in json.loads(ask(server.port, "/health")[1])["workers"]]


def predict_all(server: Server) -> None:
    """Ask each route for one row; raises SystemExit where one does not answer."""
    for path, body in BODIES.items():
        connection = Connection(server.port)
        connection.send(post("five", path, path, body).pieces[0])
        answer = connection.answer()
        connection.close()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {answer.body.decode()[:300]}")


def pss(pid: int) -> float:
    """Return the proportional set size of a process in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def own_imports(tree: Path) -> dict[str, float]:
    """Return what the code of a worker imports in a fresh process."""
    code = "import importlib.util as u, json, sys; [__import__(n) for n in sys.argv[1:] if u.find_spec(n)]; "
    code += "print(json.dumps({n: getattr(m, '__file__', None) for n, m in list(sys.modules.items())}))"
    command = [str(tree / ".venv/bin/python"), "-c", code, *WORKER]
    done = subprocess.run(command, cwd=tree, capture_output=True, check=True)
    return _counted("a worker's code imports", json.loads(done.stdout), tree)


def imports(tree: Path, scratch: Path, port: int, *, is_asked: bool) -> dict[str, float]:
    """Return what a worker holds: what it imported, and what the arbiter had before it forked."""
    with probed(tree, scratch / f"imports-{is_asked}", scratch, port) as (server, probe):
        if is_asked:
            predict_all(server)
        (pid,) = workers(server)
        when = "after a predict on each route" if is_asked else "after the boot"
        return _counted(f"a worker holds, the arbiter's included, {when}", probe.modules(pid), tree)


def _counted(title: str, modules: Mapping[str, str | None], tree: Path) -> dict[str, float]:
    own = {Path(file) for name, file in modules.items() if name.partition(".")[0] == "gateway" and file}
    names = [file.relative_to(tree).as_posix() for file in own]
    return {
        f"modules {title}": len(modules),
        f"own modules {title}": len(own),
        f"own lines {title}": sum(len(file.read_bytes().splitlines()) for file in own),
        f"compilers, proof, preparing {title}": sum(any(word in name for word in _PREPARING) for name in names),
    }


@contextlib.contextmanager
def probed(tree: Path, folder: Path, scratch: Path, port: int) -> Iterator[tuple[Server, Probe]]:
    """Serve the five models with the probe in every process."""
    probe = Probe(folder / "probe")
    registry = folder / "registry.yaml"
    text = (tree / "registry.yaml").read_text().replace("artifact: models/", f"artifact: {tree}/models/")
    registry.write_text(text)
    home = folder / "home"
    home.mkdir()
    (home / "cache").symlink_to(scratch / "home/cache", target_is_directory=True)
    more = {"PYTHONPATH": str(PROBE), "COMPARE_PROBE": str(probe.folder), "GATEWAY_WATCH": "true"}
    with serving(tree, "probed", registry, home, port, **more) as server:
        yield server, probe


def paths(tree: Path, scratch: Path, port: int) -> dict[str, float]:
    """Return how many functions and files a one-row POST and an edit go through."""
    with probed(tree, scratch / "paths", scratch, port) as (server, probe):
        predict_all(server)
        hops, of_row = path_of_row(server, probe)
        of_edit = path_of_edit(server, probe, scratch / "paths/registry.yaml")
    return {
        "hops of a one-row POST (calls of own functions)": hops,
        "own functions of a one-row POST": len(of_row),
        "own files of a one-row POST": len(_files(of_row)),
        "own functions of an edit of one limit": len(of_edit),
        "own files of an edit of one limit": len(_files(of_edit)),
    }


def path_of_row(server: Server, probe: Probe) -> tuple[int, set[str]]:
    """Return the fewest calls that a request took, and the functions that all of its repetitions entered."""
    connection = Connection(server.port)
    windows = []
    with probe.noting():
        for _ in range(ROUNDS):
            time.sleep(0.03)
            began = time.monotonic_ns()
            connection.send(ROW)
            if connection.answer().status != 200:
                raise SystemExit("the row was refused")
            windows.append((began, time.monotonic_ns()))
    connection.close()
    rounds = [probe.entered(*window) for window in windows[2:]]
    probe.forget()
    # Heartbeats fall into some rounds, not into all.
    return min(map(len, rounds)), set.intersection(*map(set, rounds))


def path_of_edit(server: Server, probe: Probe, registry: Path) -> set[str]:
    """Return the functions that an edit enters, in all processes, and an idle gateway does not."""
    with probe.noting():
        time.sleep(IDLE_S)
    idle = set(probe.entered())
    probe.forget()
    before = json.loads(ask(server.port, "/health")[1])["generation"]
    with probe.noting():
        registry.write_text(registry.read_text().replace("  /loan:\n", "  /loan:\n    timeout_s: 4\n"))
        deadline = time.monotonic() + 60
        while before in (probe_state := ask(server.port, "/health/ready")[1].decode()):
            if time.monotonic() > deadline:
                raise SystemExit(f"the edit is not served: {probe_state}")
            time.sleep(0.3)
        time.sleep(1)
    asked = _asked(server, probe)
    return set(probe.entered()) - idle - asked


def _asked(server: Server, probe: Probe) -> set[str]:
    """Return the functions that a look at /health/ready enters."""
    began = time.monotonic_ns()
    with probe.noting():
        ask(server.port, "/health/ready")
    return set(probe.entered(began))


def _files(places: set[str]) -> set[str]:
    return {place.split(":")[0] for place in places}
