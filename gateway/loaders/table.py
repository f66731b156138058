"""
The table of loaders: one row says all that the rest of the gateway knows of a loader.

It holds names and first bytes only: importing it imports no framework. Loaders of other packages announce themselves
by an entry point of the group below and have a row of default values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

ENTRY_POINT_GROUP: Final = "gateway.loaders"

#: Endings of files that are read as pickles, which a registry has to allow.
PICKLE_SUFFIXES: Final = (".pkl", ".pickle", ".joblib")
#: How pickles of protocol 2 and later begin; older ones have no mark.
PICKLE_HEADS: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderRow:
    """
    Describe one loader: its class, its packages, how its artifacts are recognised, what may be done with its models.

    An artifact is recognised by any one of `heads`, `packed_heads`, `json_keys`, `binary_marks` and `members`.
    """

    #: module:Class
    target: str

    #: The optional dependency of pyproject.toml that brings the framework; "": none is needed.
    extra: str = ""
    #: Root modules that the extra brings; the first is the framework.
    modules: tuple[str, ...] = ()
    #: Distributions that hold the framework, first the one whose name people know.
    distributions: tuple[str, ...] = ()
    #: Further distributions that read its artifacts or compute its answers: another version is prepared anew.
    beside: tuple[str, ...] = ()
    #: Root modules that the framework imports where it finds them, and that none of its files needs: they are hidden
    #: while preparing, because importing them takes longer than all the rest.
    needless: tuple[str, ...] = ()
    #: Whether pickles hold classes of the framework, as scikit-learn's or as steps of its pipelines.
    is_in_pickles: bool = False

    #: module:function that makes a predictor of an object of the framework in a pickle, or None: it is for
    #: scikit-learn's loader to ask.
    from_pickle: str = ""

    #: Endings that leave no doubt.
    suffixes: tuple[str, ...] = ()
    #: Endings of several formats: content decides, and the ending where content says nothing.
    shared_suffixes: tuple[str, ...] = ()
    #: Endings of anything: content decides alone, and the ending only while the file is absent.
    vague_suffixes: tuple[str, ...] = ()
    #: Endings that an error names where no loader fits.
    shown: tuple[str, ...] = ()
    #: How files begin.
    heads: tuple[bytes, ...] = ()
    #: How files begin that may be compressed by zlib, gzip, bzip2 or xz.
    packed_heads: tuple[bytes, ...] = ()
    #: What a JSON file holds within its first 64 KiB, all of them.
    json_keys: tuple[bytes, ...] = ()
    #: What stands within the bytes from offset to end, any one of them.
    binary_marks: tuple[int, int, tuple[bytes, ...]] = (0, 0, ())
    #: A file in a zip archive.
    member: str = ""

    #: Whether reading an artifact interprets it: reading and predicting are confined while preparing.
    is_confined: bool = False
    #: Whether its models need no network.
    is_offline: bool = False
    #: Whether a call may do more than compute: it is called once per instance, and its time says nothing of the next.
    has_effects: bool = False
    #: Calls that a fresh predictor needs before its time is the usual one.
    warm_up_calls: int = 0

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the distributions whose versions decide whether a manifest, and with it every proof, still holds."""
        return (*self.distributions, *self.beside)


_LOADERS: Final[Mapping[str, LoaderRow]] = {
    "xgboost": LoaderRow(
        target="gateway.loaders.xgboost:XgboostLoader",
        extra="xgboost",
        modules=("xgboost",),
        distributions=("xgboost", "xgboost-cpu"),
        beside=("numpy",),
        needless=("sklearn",),
        is_in_pickles=True,
        from_pickle="gateway.loaders.xgboost_pickled:predictor_of",
        suffixes=(".ubj",),
        shared_suffixes=(".json",),
        shown=(".ubj", ".json"),
        # UBJSON: an object whose first key has an int64 length. The old binary format: a mark, or behind 136 bytes of
        # parameters the name of an objective.
        heads=(b"{L", b"binf"),
        json_keys=(b'"learner"',),
        binary_marks=(136, 200, (b"binary:", b"reg:", b"multi:", b"rank:", b"count:", b"survival:")),
        is_offline=True,
    ),
    "catboost": LoaderRow(
        target="gateway.loaders.catboost:CatboostLoader",
        extra="catboost",
        modules=("catboost",),
        distributions=("catboost",),
        beside=("numpy",),
        is_in_pickles=True,
        from_pickle="gateway.loaders.catboost_pickled:predictor_of",
        suffixes=(".cbm",),
        shared_suffixes=(".json",),
        shown=(".cbm",),
        # Its JSON begins with the tables of categories, where there are any, and these may be long.
        heads=(b"CBM1", b'{\n  "ctr_data":', b'{"ctr_data":'),
        json_keys=(b'"features_info"',),
        # Its reader ends the process on some damaged files.
        is_confined=True,
        is_offline=True,
    ),
    "lightgbm": LoaderRow(
        target="gateway.loaders.lightgbm:LightgbmLoader",
        extra="lightgbm",
        modules=("lightgbm",),
        distributions=("lightgbm",),
        beside=("numpy", "scipy"),
        needless=("sklearn", "pandas", "pyarrow"),
        is_in_pickles=True,
        from_pickle="gateway.loaders.lightgbm_pickled:predictor_of",
        suffixes=(".lgb",),
        vague_suffixes=(".txt",),
        shown=(".txt",),
        heads=tuple(mark + b"tree" + end + b"version=" for mark in (b"", b"\xef\xbb\xbf") for end in (b"\n", b"\r\n")),
        # A dump, which the loader refuses by name.
        json_keys=(b'"name"', b'"num_tree_per_iteration"'),
        is_confined=True,
        is_offline=True,
    ),
    "h2o_mojo": LoaderRow(
        target="gateway.loaders.h2o_mojo:H2oMojoLoader",
        extra="h2o",
        modules=("jpype", "h2o"),
        distributions=("h2o",),
        beside=("jpype1",),
        shared_suffixes=(".zip", ".mojo"),
        shown=(".zip",),
        member="model.ini",
        # The JVM has compiled its scoring classes by then: the first call takes milliseconds, the 300th 10 to 35 us.
        warm_up_calls=300,
    ),
    "onnx": LoaderRow(
        target="gateway.loaders.onnx:OnnxLoader",
        extra="onnx",
        modules=("onnxruntime",),
        distributions=("onnxruntime",),
        beside=("onnx", "numpy"),
        suffixes=(".onnx",),
        shown=(".onnx",),
        is_offline=True,
    ),
    "python": LoaderRow(
        target="gateway.loaders.python:PythonLoader",
        suffixes=(".py",),
        shown=(".py:name",),
        has_effects=True,
    ),
    "stub": LoaderRow(
        target="gateway.loaders.stub:StubLoader",
        suffixes=(".stub", ".stub.json"),
        json_keys=(b'"inputs"', b'"output"'),
        has_effects=True,
    ),
}

#: The loader of several files that make one model: each is one that needs no network.
BUNDLE: Final = "bundle"
_OF_PARTS: Final = tuple(dict.fromkeys(name for row in _LOADERS.values() if row.is_offline for name in row.packages))
_IN_PICKLES: Final = tuple(name for row in _LOADERS.values() if row.is_in_pickles for name in row.distributions)

#: Loaders that ship with the gateway; where several recognise an artifact the first one takes it.
TABLE: Final[Mapping[str, LoaderRow]] = {
    "sklearn": LoaderRow(
        target="gateway.loaders.sklearn:SklearnLoader",
        extra="sklearn",
        modules=("sklearn", "skops", "joblib", "scipy", "pandas"),
        distributions=("scikit-learn",),
        beside=("skops", "joblib", "numpy", "scipy", "pandas", *_IN_PICKLES),
        is_in_pickles=True,
        suffixes=(".skops", *PICKLE_SUFFIXES),
        shown=(".skops", ".joblib", ".pkl"),
        packed_heads=PICKLE_HEADS,
        member="schema.json",
        is_confined=True,
        is_offline=True,
    ),
    **_LOADERS,
    BUNDLE: LoaderRow(
        target="gateway.loaders.bundle:BundleLoader",
        extra="sklearn",
        modules=("sklearn",),
        distributions=("scikit-learn",),
        beside=("skops", "joblib", "scipy", "pandas", *_OF_PARTS),
        is_confined=True,
        is_offline=True,
    ),
}

#: Root modules of the libraries whose classes pickles hold -> the row that brings them.
IN_PICKLES: Final[Mapping[str, LoaderRow]] = {row.modules[0]: row for row in TABLE.values() if row.is_in_pickles}
#: Root module -> the extra that brings it.
EXTRA_OF: Final[Mapping[str, str]] = {module: row.extra for row in TABLE.values() for module in row.modules}


@lru_cache(maxsize=1)
def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in TABLE}


def loader_names() -> tuple[str, ...]:
    """Return every name that `loader:` accepts, the gateway's own first."""
    return (*TABLE, *sorted(_third_party()))


def row_of(name: str) -> LoaderRow:
    """Return the row of a loader, of an entry point one of default values; an unknown loader has no target."""
    if name in TABLE:
        return TABLE[name]
    point = _third_party().get(name)
    if point is None:
        return LoaderRow(target="")
    home = () if point.dist is None else (point.dist.name,)
    return LoaderRow(target=f"{point.module}:{point.attr}", distributions=home)


def shown_suffixes() -> str:
    """Return what a person may name where nothing fits: `.ubj, .json (xgboost), .onnx (onnx)`."""
    return ", ".join(f"{', '.join(row.shown)} ({name})" for name, row in TABLE.items() if row.shown)


def pip_line(name: str, flags: str = "") -> str:
    """Return the command that installs what a loader needs."""
    row = row_of(name)
    if row.extra:
        return f"pip install {flags}'multi-model-gateway[{row.extra}]'"
    distribution = "multi-model-gateway" if name in TABLE or not row.distributions else row.distributions[0]
    return f"pip install {flags}{distribution}"
