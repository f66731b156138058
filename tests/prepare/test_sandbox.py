"""The second lock: a confined process ends at whatever no model does, and libraries do not notice it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from gateway.artifacts.manifest import StoredArtifact
from gateway.prepare.entry import Entry, Report
from gateway.registry.spec import RouteSpec
from gateway.schema import Signature

CONFINED = """
import os, sys
from pathlib import Path
import numpy, sklearn.cluster
from gateway.prepare import sandbox
def end(act):
    sandbox.release()
    print(act, flush=True)  # the end that follows flushes nothing
    os._exit(3)
scratch = Path("scratch")
scratch.mkdir()
sandbox.confine([scratch], end)
"""

ACTS = {
    "write": "open('mark', 'w')",
    "append": "open('/etc/hosts', 'ab')",
    "create": "os.open('mark', os.O_CREAT)",
    "escape": "open('scratch/../mark', 'w')",
    "array": "numpy.arange(3).tofile('mark')",
    "memory map": "numpy.memmap('mark', mode='w+', shape=3)",
    "folder": "os.mkdir('mark')",
    "rename": "os.rename('scratch', 'mark')",
    "system": "os.system('touch mark')",
    "process": "__import__('subprocess').run(['touch', 'mark'])",
    "fork": "os.fork()",
    "exec": "os.execv('/usr/bin/touch', ['touch', 'mark'])",
    "kill": "os.kill(os.getppid(), 0)",
    "socket": "__import__('socket').socket()",
    "name server": "__import__('socket').getaddrinfo('localhost', 80)",
    "code": "eval('1 + 1')",
    "code from text": "exec('import colorsys')",
    "compiled": "compile('1 + 1', 'model', 'eval')",
    "foreign": "__import__('ctypes').CDLL(None).puts(b'mark')",
    "pickle": "__import__('pickle').loads(b'cos\\nsystem\\n.')",
}
HONEST = {
    "module": "import colorsys, xml.dom.minidom, sklearn.linear_model",
    "reading": "open('/proc/self/statm').read()",
    "scratch": "open('scratch/compiled model', 'w').close(); os.replace('scratch/compiled model', 'scratch/other')",
    "array": "numpy.lib.format.read_array_header_1_0(__import__('io').BytesIO(HEADER))",
    "threads": "sklearn.cluster.KMeans(2, n_init=1).fit([[0.0], [1.0], [2.0]]).predict([[1.0]])",
}


#: Imports once what takes long, then forks a process for each program that it is sent.
FORKING = """
import json, os, sys, traceback
import numpy, sklearn.cluster
from gateway.prepare import sandbox
for line in sys.stdin:
    folder, program, output = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        try:
            exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
HEADER = "HEADER = b'\\x46\\x00' + b\"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\".ljust(70)\n"

Confined = Callable[[Path, str], tuple[int, str]]


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Confined]:
    """Return a function that runs an act in a confined process in a folder; it returns exit code and output."""
    # As a prepare child has it; without it scikit-learn asks `lscpu` for the number of cores.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    outputs = tmp_path_factory.mktemp("outputs")
    with subprocess.Popen(
        [sys.executable, "-c", FORKING], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forking:
        assert forking.stdin is not None and forking.stdout is not None

        def run(folder: Path, act: str) -> tuple[int, str]:
            assert forking.stdin is not None and forking.stdout is not None
            output = outputs / str(len(list(outputs.iterdir())))
            forking.stdin.write(json.dumps([str(folder), f"{CONFINED}{HEADER}{act}", str(output)]) + "\n")
            forking.stdin.flush()
            return int(forking.stdout.readline()), output.read_text()

        yield run
        forking.stdin.close()


@pytest.mark.parametrize("name", ACTS)
def test_an_act_ends_the_process(tmp_path: Path, confined: Confined, name: str) -> None:
    """The process ends before the act has happened, and can say what it was."""
    code, output = confined(tmp_path, ACTS[name])
    assert code == 3, output
    assert output.strip()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch"]


def test_honest_libraries_do_not_notice(tmp_path: Path, confined: Confined) -> None:
    """Imports, reading, arrays and the thread control of scikit-learn go on; files of the scratch folder as well."""
    assert confined(tmp_path, "\n".join(HONEST.values())) == (0, "")


#: Opens the first lock, as a flaw in it would, and prepares.
FLAWED = """
import skops.io
import gateway.loaders.sklearn as loader
from gateway.prepare import child
loader.read_skops = lambda path: skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
loader.check_graph = lambda found: None
child.main()
"""


def prepared(artifact: Path, program: str) -> Report:
    """Return the last report of a prepare child that runs another program around its own."""
    stored = StoredArtifact(path=str(artifact), sha256="0" * 64, size_bytes=1, origin=str(artifact))
    spec = RouteSpec(path="/x", name="x", artifact=str(artifact), loader="sklearn", compile="off")
    entry = Entry(spec=spec, key="x", artifact=stored, cache_dir=str(artifact.parent / "cache"))
    ended = subprocess.run(
        [sys.executable, "-c", program], input=msgspec.json.encode(entry), capture_output=True, timeout=120, check=False
    )
    return msgspec.json.decode(ended.stdout.splitlines()[-1], type=Report)


def test_a_model_that_slips_through_is_ended(tmp_path: Path) -> None:
    """Where the readers failed to see what a file holds, the child ends when it acts and says what it tried."""
    step = FunctionTransformer(np.abs)
    rows = np.random.default_rng(0).normal(size=(60, 2))
    model = make_pipeline(step, LogisticRegression()).fit(rows, (rows[:, 0] > 0).astype(int))
    mark, path = tmp_path / "mark", tmp_path / "model.skops"
    step.func = partial(np.savetxt, str(mark))
    skops.io.dump(model, path)
    report = prepared(path, FLAWED)
    assert report.manifest.problem is not None
    assert report.manifest.problem.code == "acting-artifact"
    assert str(mark) in report.manifest.problem.message
    assert not mark.exists()


def test_the_same_child_prepares_an_honest_model(tmp_path: Path) -> None:
    """The flawed program above prepares what does not act."""
    path = tmp_path / "model.skops"
    skops.io.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), path)
    report = prepared(path, FLAWED)
    assert report.manifest.problem is None
    assert isinstance(report.manifest.signature, Signature)
