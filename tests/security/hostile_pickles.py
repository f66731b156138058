"""
Pickles that mean harm, most of them published as ways around the scanners of pickles; each would leave `mark` behind.

Opcodes are written by hand, because no pickler makes such files. Nothing that they would do harms anybody.
"""

import bz2
import functools
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from loaders.acting import MARK, POP, D, G, S, T, build, call, honest

_TOUCH = f"touch {MARK}"
_CODE = f"open({MARK!r}, 'w').close()"
_PICKLED = b"cbuiltins\nexec\n(V" + _CODE.encode() + b"\ntR."

#: What a pickle calls in place of a model -> with which text. All but the first lines are on no common list of
#: dangerous names, or were not when the way around it was published.
CALLED: dict[str, tuple[str, ...]] = {
    "os.system": (_TOUCH,),
    "posix.system": (_TOUCH,),
    "os.popen": (_TOUCH,),
    "os.execv": ("/usr/bin/touch", MARK),
    "subprocess.getoutput": (_TOUCH,),
    "subprocess.check_output": (_TOUCH,),
    "commands.getoutput": (_TOUCH,),
    "builtins.eval": (_CODE,),
    "builtins.exec": (_CODE,),
    "__builtin__.eval": (_CODE,),
    "builtins.open": (MARK, "w"),
    "io.open": (MARK, "w"),
    "_io.FileIO": (MARK, "w"),
    "codecs.open": (MARK, "w"),
    "bz2.open": (MARK, "w"),
    "builtins.__import__": ("antigravity",),
    "importlib.import_module": ("antigravity",),
    "importlib.util.find_spec": ("this",),
    "pkgutil.resolve_name": ("os:system",),
    "pydoc.locate": ("antigravity",),
    "pydoc.pipepager": ("text", _TOUCH),
    "runpy.run_path": (MARK,),
    "runpy._run_code": (_CODE,),
    "code.InteractiveInterpreter.runcode": (_CODE,),
    "timeit.timeit": (_CODE,),
    "timeit.main": (_CODE,),
    "profile.run": (_CODE,),
    "cProfile.run": (_CODE,),
    "cProfile.runctx": (_CODE,),
    "trace.Trace.run": (_CODE,),
    "pdb.run": (_CODE,),
    "bdb.Bdb.run": (_CODE,),
    "doctest.debug_script": (_CODE,),
    "idlelib.run.Executive.runcode": (_CODE,),
    "idlelib.pyshell.ModifiedInterpreter.runcommand": (_CODE,),
    "idlelib.calltip.get_entity": (_CODE,),
    "idlelib.autocomplete.AutoComplete.get_entity": (_CODE,),
    "lib2to3.pgen2.grammar.Grammar.loads": (_CODE,),
    "ensurepip._run_pip": (_CODE,),
    "pip.main": ("download",),
    "pip._internal.main": ("download",),
    "venv.create": (MARK,),
    "test.support.script_helper.assert_python_ok": ("-c", _CODE),
    "asyncio.unix_events._UnixSubprocessTransport._start": (_TOUCH,),
    "multiprocessing.util.spawnv_passfds": ("/usr/bin/touch", MARK),
    "_posixsubprocess.fork_exec": (_TOUCH,),
    "pty.spawn": (_TOUCH,),
    "platform.popen": (_TOUCH,),
    "uuid._get_command_stdout": ("touch", MARK),
    "_interpreters.run_string": (_CODE,),
    "_xxsubinterpreters.run_string": (_CODE,),
    "_testcapi.run_in_subinterp": (_CODE,),
    "ctypes.CDLL": ("libc.so.6",),
    "_ctypes.dlopen": ("libc.so.6", ""),
    "cffi.verifier.Verifier": (_CODE,),
    "types.FunctionType": (_CODE,),
    "types.CodeType": (_CODE,),
    "marshal.loads": (_CODE,),
    "operator.methodcaller": ("system", _TOUCH),
    "operator.attrgetter": ("system",),
    "operator.call": (_TOUCH,),
    "functools.reduce": (_TOUCH,),
    "itertools.starmap": (_TOUCH,),
    "builtins.map": (_TOUCH,),
    "builtins.getattr": ("os", "system"),
    "builtins.breakpoint": (),
    "webbrowser.open": ("http://127.0.0.1:9/",),
    "urllib.request.urlopen": ("http://127.0.0.1:9/",),
    "http.client.HTTPConnection": ("127.0.0.1:9",),
    "socket.create_connection": ("127.0.0.1",),
    "ssl.get_server_certificate": ("127.0.0.1",),
    "smtplib.SMTP": ("127.0.0.1",),
    "linecache.getlines": ("/etc/hostname",),
    "logging.FileHandler": (MARK,),
    "logging.config.listen": (),
    "pathlib.Path.touch": (MARK,),
    "shutil.copy": ("/etc/hostname", MARK),
    "shutil.rmtree": (MARK,),
    "tempfile.mkdtemp": (MARK,),
    "sqlite3.connect": (MARK,),
    "zipfile.PyZipFile": (MARK, "w"),
    "distutils.file_util.write_file": (MARK,),
    "sys.setrecursionlimit": ("9",),
    "sys.settrace": ("x",),
    "gc.get_objects": (),
    "signal.raise_signal": ("9",),
    "os._exit": ("0",),
    "numpy.load": (MARK,),
    "numpy.save": (MARK, "x"),
    "numpy.fromfile": (MARK,),
    "numpy.f2py.crackfortran.myeval": (_CODE,),
    "numpy.f2py.crackfortran.getlincoef": (_CODE,),
    "numpy.f2py.diagnose.run_command": (_TOUCH,),
    "numpy.testing._private.utils.runstring": (_CODE,),
    "numpy._core._ufunc_config.errstate": (_CODE,),
    "numpy.vectorize": (_CODE,),
    "numpy.frompyfunc": (_CODE,),
    "pandas.read_pickle": (MARK,),
    "pandas.core.computation.eval.eval": (_CODE,),
    "pandas.io.common.get_handle": (MARK, "w"),
    "joblib.load": (MARK,),
    "joblib.memory.Memory": (MARK,),
    "joblib.externals.cloudpickle.cloudpickle._make_function": (_CODE,),
    "cloudpickle.cloudpickle._builtin_type": ("CodeType",),
    "dill._dill._create_code": (_CODE,),
    "scipy.io.loadmat": (MARK,),
    "sklearn.datasets.fetch_file": ("http://127.0.0.1:9/",),
    "sklearn.utils.fixes.parse_version": ("1",),
    "sklearn.utils._testing.ignore_warnings": (_CODE,),
    "numpy.f2py.crackfortran._eval_length": (_CODE,),
    "joblib.numpy_pickle_compat.NDArrayWrapper": (MARK,),
    "joblib.numpy_pickle_compat.ZNDArrayWrapper": (MARK,),
    "joblib.numpy_pickle.NumpyArrayWrapper.read_mmap": (MARK,),
    "_operator.methodcaller": ("system", _TOUCH),
    "_operator.attrgetter": ("system",),
    "_io.open_code": (MARK,),
    "_osx_support._read_output": (_TOUCH,),
    "_aix_support._read_cmd_output": (_TOUCH,),
    "_pyrepl.pager.pipe_pager": ("text", _TOUCH),
    "cgitb.lookup": (_CODE,),
    "imaplib.IMAP4_stream": (_TOUCH,),
    "getpass.unix_getpass": (MARK,),
    "mailcap.findmatch": (_TOUCH,),
    "mimetypes.init": (MARK,),
    "site.addsitedir": (MARK,),
    "sitecustomize.main": (),
    "threading.Thread": (_CODE,),
    "weakref.finalize": (_CODE,),
    "atexit.register": (_CODE,),
    "contextlib.ExitStack.callback": (_CODE,),
    "string.Formatter.vformat": ("{0.__class__}", _CODE),
    "pip._vendor.distlib.scripts.ScriptMaker": (MARK,),
    "requests.api.get": ("http://127.0.0.1:9/",),
    "aiohttp.client.ClientSession": (),
    "xmlrpc.client.ServerProxy": ("http://127.0.0.1:9/",),
    "ftplib.FTP": ("127.0.0.1",),
    "torch._dynamo.guards.GuardBuilder.get": (_CODE,),
    "torch.utils.bottleneck.__main__.run_cprofile": (_CODE,),
    "torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression": (_CODE,),
    "torch._inductor.codecache.compile_file": (MARK,),
    "torch.load": (MARK,),
    "torch.jit.unsupported_tensor_ops.execWrapper": (_CODE,),
    "torch.utils._config_module.load_config": (_CODE,),
    "torch.utils.collect_env.run": (_TOUCH,),
    "xgboost.core.Booster.load_model": (MARK,),
    "skops.io.load": (MARK,),
    "gateway.loaders.admission.unpickle.unpickle": (MARK,),
}


def calling(name: str) -> bytes:
    """Return the pickle of an honest model in front of which a name is called."""
    module, _, member = name.rpartition(".")
    what = G(module, member) if name.count(".") < 2 or module[0] != "_" else S(module) + S(member) + b"\x93"
    return _before(call(what, *map(S, CALLED[name])))


def _before(acting: bytes) -> bytes:
    return b"\x80\x04" + acting + POP + _honest_bytes()


@functools.cache
def _honest_bytes() -> bytes:
    return pickle.dumps(honest(), protocol=2)[2:]


class _Acting:
    """Be pickled as a call of exec."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (_CODE,)


def _joblib(value: Any, compress: Any = 0) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, compress=compress)
    return stream.getvalue()


def _npy(value: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value, allow_pickle=True)
    return stream.getvalue()


def _in_model(**attributes: Any) -> Any:
    model = honest()
    vars(model).update(attributes)
    return model


def _objects() -> np.ndarray[Any, Any]:
    return np.array([_Acting(), 1], dtype=object)


def _records() -> np.ndarray[Any, Any]:
    found = np.zeros(1, dtype=[("a", "f8"), ("b", "O")])
    found["b"][0] = _Acting()
    return found


def _as_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", _PICKLED)
        archive.writestr("archive/version", "3")
    return stream.getvalue()


_INNER = b"\x8c" + bytes([len(_PICKLED)]) + _PICKLED  # the inner pickle as a text
#: Name -> a file in which the call is hidden from programs that only look.
HIDDEN: dict[str, Callable[[], bytes]] = {
    "compressed with zlib": lambda: zlib.compress(_PICKLED),
    "compressed with gzip": lambda: gzip.compress(_PICKLED),
    "compressed with bzip2": lambda: bz2.compress(_PICKLED),
    "compressed with xz": lambda: lzma.compress(_PICKLED),
    "compressed with lzma": lambda: lzma.compress(_PICKLED, lzma.FORMAT_ALONE),
    "an array of objects by joblib": lambda: _joblib({"weights": _objects()}),
    "an array of objects by joblib, compressed": lambda: _joblib({"weights": _objects()}, 3),
    "an array of objects by joblib, in gzip": lambda: _joblib({"weights": _objects()}, ("gzip", 3)),
    "an array of objects in an honest model": lambda: _joblib(_in_model(extra_=_objects())),
    "an array of records in an honest model": lambda: _joblib(_in_model(extra_=_records())),
    "an array of objects in an array of objects": lambda: _joblib(np.array([_objects(), None], dtype=object)),
    "an object behind an honest model": lambda: pickle.dumps([honest(), _Acting()]),
    "an attribute of an honest model": lambda: pickle.dumps(_in_model(extra_=_Acting())),
    "the place of the coefficients": lambda: pickle.dumps(_in_model(coef_=_Acting())),
    "a key of a dict": lambda: pickle.dumps({"a": {(1, _Acting()): 2}}),
    "text opcodes of protocol 0": lambda: pickle.dumps(_Acting(), protocol=0),
    "an instance of protocol 0": lambda: b"(V" + _CODE.encode() + b"\nibuiltins\nexec\n.",
    "an object of protocol 1": lambda: b"(" + G("builtins", "exec") + S(_CODE) + b"o.",
    "names built on the stack": lambda: b"\x80\x04" + S("builtins") + S("exec") + b"\x93" + S(_CODE) + b"\x85R.",
    "names from the memo": lambda: (
        b"\x80\x04" + S("exec") + b"\x94" + S("builtins") + b"h\x00\x93" + S(_CODE) + b"\x85R."
    ),
    "frames of protocol 4": lambda: pickle.dumps(_Acting(), protocol=4),
    "buffers of protocol 5": lambda: pickle.dumps(_Acting(), protocol=5),
    "a pickle without an end": lambda: _PICKLED[:-1],
    "a pickle with rubbish behind the call": lambda: _PICKLED[:-1] + b"\xff\xfe\xfd.",
    "an unknown opcode behind the call": lambda: _PICKLED[:-1] + b"\xf0.",
    "an extension of copyreg": lambda: _before(call(G("copyreg", "add_extension"), S("os"), S("system"), b"K\x01")),
    "a persistent id": lambda: _before(b"Pmark\n"),
    "a nested pickle in bytes": lambda: _before(call(G("pickle", "loads"), _INNER)),
    "a nested pickle by the C module": lambda: _before(call(G("_pickle", "loads"), _INNER)),
    "a reducer set as state": lambda: _before(build(G("builtins", "exec"), D(a=S(_CODE)))),
    "a class made by type()": lambda: _before(
        call(G("builtins", "type"), S("a"), T(), D(__reduce__=G("os", "system")))
    ),
    "getattr of a module": lambda: _before(
        call(call(G("builtins", "getattr"), G("builtins", "__dict__"), S("get")), S("exec"))
    ),
    "a dotted name": lambda: _before(S("os") + S("path.os.system") + b"\x93" + S(_TOUCH) + b"\x85R"),
    "a dotted name of a class that is admitted": lambda: _before(
        S("sklearn.linear_model._logistic") + S("LogisticRegression.fit.__globals__") + b"\x93"
    ),
    "a member of NumPy's builtins": lambda: _before(S("numpy") + S("__builtins__.eval") + b"\x93" + S("1") + b"\x85R"),
    "a file of NumPy with objects": lambda: _npy(_objects()),
    "an opcode of protocol 0 that scanners do not know": lambda: (
        b"}F1.0\n0cposix\nsystem\n(S'" + _TOUCH.encode() + b"'\ntR."
    ),
    "a call whose result is thrown away": lambda: _before(call(G("posix", "system"), S(_TOUCH)) + POP),
    "a memo that is written again": lambda: (
        b"\x80\x02"
        + G("collections", "OrderedDict")
        + b"q\x000"
        + G("posix", "system")
        + b"q\x000h\x00"
        + S(_TOUCH)
        + b"\x85R."
    ),
    "a name of Python 2": lambda: b"\x80\x02c__builtin__\nreduce\n" + S(_TOUCH) + b"\x85R.",
    "a module of Python 2": lambda: b"\x80\x02ccommands\ngetstatusoutput\n" + S(_TOUCH) + b"\x85R.",
    "a name with a space behind it": lambda: b"\x80\x02cposix \nsystem\n" + S(_TOUCH) + b"\x85R.",
    "a name with a carriage return": lambda: b"\x80\x02cposix\r\nsystem\r\n" + S(_TOUCH) + b"\x85R.",
    "a name in letters of another width": lambda: (
        b"\x80\x04" + S("ｐosix") + S("system") + b"\x93" + S(_TOUCH) + b"\x85R."
    ),
    "the method that formats a text": lambda: _before(
        call(
            call(G("builtins", "getattr"), G("builtins", "str"), S("format")),
            S("{0.__class__.__init__.__globals__}"),
            G("collections", "OrderedDict"),
        )
    ),
    "a copy of an object by its reducer": lambda: _before(
        call(G("copyreg", "_reconstructor"), G("subprocess", "Popen"), G("builtins", "object"), b"N")
    ),
    "a class of an instance set as its state": lambda: _before(
        build(call(G("collections", "OrderedDict")), D(__class__=G("subprocess", "Popen")))
    ),
    "a function as a default of a dict": lambda: _before(call(G("collections", "defaultdict"), G("posix", "system"))),
    "PyTorch's archive": _as_archive,
    "a pickle in front of an archive": lambda: _PICKLED + _as_archive(),
}


def write_all(folder: Path) -> Iterator[tuple[str, Path]]:
    """Write every file and yield what it is called and where it lies."""
    for number, (name, data) in enumerate((*((name, calling(name)) for name in CALLED), *_hidden())):
        path = folder / f"{number}.pkl"
        path.write_bytes(data)
        yield name, path


def _hidden() -> Iterator[tuple[str, bytes]]:
    yield from ((name, make()) for name, make in HIDDEN.items())
