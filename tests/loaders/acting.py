"""
Pickles and skops files that try to act with names that models consist of; each would leave a mark if it could.

Opcodes are written by hand: no pickler makes such files. `MARK` is what they would leave in the working directory.
"""

import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skops.io
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.metrics._scorer import _Scorer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

MARK = "mark"
ROWS = np.random.default_rng(0).normal(size=(60, 2))
CLASSES = (ROWS[:, 0] > 0).astype(int)


def honest() -> Any:
    return LogisticRegression().fit(ROWS, CLASSES)


# Opcodes.
def G(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def S(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def T(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def D(**items: bytes) -> bytes:
    return b"}(" + b"".join(S(key) + value for key, value in items.items()) + b"u"


def call(function: bytes, *args: bytes) -> bytes:
    return function + T(*args) + b"R"


def build(target: bytes, state: bytes) -> bytes:
    return target + state + b"b"


NONE, POP, EMPTY = b"N", b"0", b"}"
PARTIAL = G("functools", "partial")
MEAN, F1 = G("numpy", "mean"), G("sklearn.metrics._classification", "f1_score")
MODEL = G("sklearn.linear_model._logistic", "LogisticRegression")
SCORER = G("sklearn.metrics._scorer", "_Scorer")


def new(what: bytes, **state: bytes) -> bytes:
    return build(call(G("copyreg", "_reconstructor"), what, G("builtins", "object"), NONE), D(**state))


def before(acting: bytes) -> bytes:
    """Return the pickle of an honest model in front of which something acts."""
    return b"\x80\x04" + acting + POP + pickle.dumps(honest(), protocol=2)[2:]


def _partial_state(function: bytes, keywords: bytes = EMPTY) -> bytes:
    return build(call(PARTIAL, function), T(function, b")", keywords, NONE))


def _dtype(text: str) -> bytes:
    return call(G("numpy", "dtype"), S(text), b"I00\n", b"I01\n")


def _dtype_state(size: int, names: bytes = NONE, fields: bytes = NONE) -> bytes:
    return T(b"K\x03", S("<"), NONE, names, fields, b"K" + bytes([size]), b"K\x01", b"K\x00")


#: A record of one object that says of itself, by its flags, that it holds none.
_POINTER = build(_dtype("V8"), _dtype_state(8, T(S("a")), D(a=T(_dtype("O8"), b"K\x00"))))
_EMPTY_ARRAY = call(G("numpy._core.multiarray", "_reconstruct"), G("numpy", "ndarray"), T(b"K\x00"), S("b"))
_ARRAY_STATE = T(b"K\x01", T(b"K\x08"), _dtype("u1"), b"I00\n", b"C\x08ABCDEFGH")

#: Name -> opcodes that act, or prepare to.
OPCODES: dict[str, bytes] = {
    "a dtype that hides objects": _POINTER,
    "a number made of an address": call(G("numpy._core.multiarray", "scalar"), _POINTER, b"C\x08ABCDEFGH"),
    "an object dtype that says it is none": build(_dtype("O8"), _dtype_state(8)),
    "a dtype larger than its text says": build(_dtype("f8"), _dtype_state(64)),
    "a record larger than its text says": build(_dtype("V8"), _dtype_state(64)),
    "fields outside their record": build(_dtype("V8"), _dtype_state(8, T(S("a")), D(a=T(_dtype("f8"), b"K\x40")))),
    "state of an array again": build(build(_EMPTY_ARRAY, _ARRAY_STATE), _ARRAY_STATE),
    "state of a model again": build(new(MODEL, C=b"K\x01"), D(C=b"K\x02")),
    "state of a function": build(F1, D(__sklearn_tags__=MEAN)),
    "state of a NumPy function": build(MEAN, D(__wrapped__=F1)),
    "state of a class": build(MODEL, D(predict=MEAN)),
    "state of a number": build(call(G("builtins", "int"), b"K\x01"), D(x=NONE)),
    "items of a class": MODEL + S("predict") + MEAN + b"s",
    "items of a model": new(MODEL) + S("predict") + MEAN + b"s",
    "appending to a class": MODEL + MEAN + b"a",
    "appending to a model": new(MODEL) + b"(" + MEAN + b"e",
    "a module": G("sklearn", "metrics"),
    "a dotted name": S("sklearn.linear_model._logistic") + S("LogisticRegression.set_params") + b"\x93",
    "a dotted name of a function": S("sklearn.metrics._classification") + S("f1_score.__globals__") + b"\x93",
    "a name of the memo": S("os") + b"q\x01" + POP + b"h\x01" + S("system") + b"\x93",
    "an instance of protocol 0": b"(S'x'\nios\nsystem\n",
    "an object of protocol 1": b"(" + G("os", "system") + S(f"touch {MARK}") + b"o",
    "an extension code": b"\x82\x01",
    "a persistent id": b"Pmark\n",
    "a model made with arguments": call(MODEL, S("l2")),
    "a call of a function": call(MEAN, b"](K\x01e"),
    "a call of a ufunc": call(G("numpy", "exp"), b"K\x01"),
    "a call of a scorer": call(new(SCORER, _score_func=MEAN), MEAN),
    "a partial of a function": call(PARTIAL, MEAN),
    "a partial with state": _partial_state(MEAN),
    "a partial of check_array with a model": _partial_state(
        G("sklearn.utils.validation", "check_array"), D(dtype=new(MODEL))
    ),
    "a partial of itself": call(PARTIAL, PARTIAL),
    "getattr": call(G("builtins", "getattr"), MODEL, S("fit")),
    "a method of a class by attrgetter": call(G("operator", "attrgetter"), S("fit")),
    "a factory of a defaultdict": call(G("collections", "defaultdict"), MEAN),
    "a model as a key": b"}" + new(MODEL) + NONE + b"s",
    "a model in a set": b"\x8f(" + new(MODEL) + b"\x90",
    "a memory map": call(G("numpy", "memmap"), S(MARK)),
    "a file of an array": call(G("numpy", "fromfile"), S(MARK)),
    "another module of NumPy": call(G("numpy.lib._npyio_impl", "save"), S(MARK), b"]"),
    "a bit generator of a callable": call(G("numpy.random._pickle", "__generator_ctor"), S(MARK), MEAN),
    "joblib's old array, in a file of its own": call(G("joblib.numpy_pickle", "NDArrayWrapper"), S(MARK), MEAN),
    "joblib's array of another class": build(
        G("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81",
        D(subclass=MODEL, shape=T(), order=S("C"), dtype=call(G("numpy", "dtype"), S("f8")), allow_mmap=b"I01\n"),
    ),
    "joblib's array with other attributes": build(
        G("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81", D(filename=S(MARK), read=MEAN)
    ),
    "an isotonic regression of delegates": build(
        G("sklearn.isotonic", "IsotonicRegression") + b")\x81",
        D(X_thresholds_=new(G("sklearn.frozen._frozen", "FrozenEstimator"), estimator=MEAN), y_thresholds_=MEAN),
    ),
    "a test of scikit-learn": G("sklearn.tests.test_base", "MyEstimator"),
    "a metric that hides a function": G("sklearn.metrics._dist_metrics", "PyFuncDistance64"),
}


def _step(**attributes: Any) -> Any:
    step = FunctionTransformer(np.abs)
    model = Pipeline([("step", step), ("model", LogisticRegression())]).fit(ROWS, CLASSES)
    vars(step).update(attributes)
    return model


def _hidden(model: Any, **attributes: Any) -> Any:
    vars(model).update(attributes)
    return model


def _writer() -> Any:
    cargo = FrozenEstimator(np.frombuffer(b"mark\n", dtype=np.uint8).copy())
    cargo.__dict__["__sklearn_tags__"] = partial(Bunch, estimator_type="regressor")
    return partial(_Scorer(np.mean, 1, {}, "tofile"), cargo, MARK)


def _text_model(**attributes: Any) -> Any:
    model = Pipeline([("words", CountVectorizer()), ("model", LogisticRegression())])
    model.fit(["good film", "bad film"], [1, 0])
    vars(model[0]).update(attributes)
    return model


def _shared(slot: str, first: bool) -> Any:
    """Return a model whose steps are a list that another attribute, before or behind them, holds as well."""
    steps = [("model", np.arange(3))]
    model = Pipeline([("model", honest())])
    del model.steps
    attributes = {slot: steps, "steps": steps} if first else {"steps": steps, slot: steps}
    vars(model).update(attributes)
    return model


def _shared_function(first: bool) -> Any:
    functions = [np.max]
    pool = FeatureAgglomeration(pooling_func=functions)
    return _hidden(honest(), **({"a_": pool, "b_": functions} if first else {"a_": functions, "b_": pool}))


def _sparse() -> Any:
    model = honest().sparsify()
    model.coef_.indices[:] = 1_000_000
    return model


def _search_tree() -> Any:
    model = KNeighborsClassifier(algorithm="kd_tree").fit(ROWS, CLASSES)
    state = list(model._tree.__getstate__())
    state[1] = state[1] + 1_000_000
    model._tree.__setstate__(tuple(state))
    return model


#: Name -> a fitted model that holds what could act; both formats write it.
MODELS: dict[str, Callable[[], Any]] = {
    "a writer as a function": lambda: _step(func=_writer()),
    "a writer as the inverse": lambda: _step(inverse_func=_writer()),
    "a writer among keywords": lambda: _step(kw_args={"where": _writer()}),
    "a writer in a list in a dict": lambda: _hidden(honest(), extra_={"a": [_writer()]}),
    "a writer in an array of objects": lambda: _hidden(honest(), extra_=np.array([None, _writer()], dtype=object)),
    "steps that another attribute holds before": lambda: _shared("extra_", first=True),
    "steps that another attribute holds behind": lambda: _shared("extra_", first=False),
    "functions that another attribute holds before": lambda: _shared_function(first=True),
    "functions that another attribute holds behind": lambda: _shared_function(first=False),
    "a sparse matrix that points outside itself": _sparse,
    "a search tree that points outside itself": _search_tree,
    "a scorer as a function": lambda: _step(func=make_scorer(mean_squared_error)),
    "a Bunch as tags": lambda: _hidden(honest(), __sklearn_tags__=Bunch(estimator_type="classifier")),
    "a Bunch as coefficients": lambda: _hidden(honest(), coef_=Bunch(a=1)),
    "a hidden predict": lambda: _hidden(honest(), predict=np.abs),
    "a predict that is data": lambda: _hidden(honest(), predict="tofile"),
    "a frozen array": lambda: _step(func=np.abs, extra_=FrozenEstimator(np.arange(3))),
    "a frozen text": lambda: _step(func=np.abs, extra_=FrozenEstimator("text")),
    "a frozen array as a step": lambda: _hidden(
        Pipeline([("model", honest())]), steps=[("model", FrozenEstimator(np.arange(3)))]
    ),
    "an array as a step": lambda: _hidden(Pipeline([("model", honest())]), steps=[("model", np.arange(3))]),
    "a class as a step": lambda: _hidden(Pipeline([("model", honest())]), steps=[("model", LogisticRegression)]),
    "a ufunc as a metric": lambda: _hidden(KNeighborsClassifier().fit(ROWS, CLASSES), metric=np.add),
    "a ufunc as a kernel": lambda: _hidden(SVC().fit(ROWS, CLASSES), kernel=np.add),
    "a type as a tokenizer": lambda: _text_model(tokenizer=str),
    "a ufunc as a preprocessor": lambda: _text_model(preprocessor=np.abs),
    "a ufunc as an analyzer": lambda: _text_model(analyzer=np.abs),
    "a vectorizer that reads files": lambda: _text_model(input="filename"),
    "a selector that is a ufunc": lambda: _hidden(
        ColumnTransformer([("a", StandardScaler(), [0])]).fit(ROWS), transformers=[("a", StandardScaler(), np.abs)]
    ),
}


def write_pickle(name: str, path: Path, kind: str = "pickle") -> None:
    """Write one of OPCODES or MODELS as a pickle, compressed or not, or with joblib."""
    if name in OPCODES:
        data = before(OPCODES[name])
        path.write_bytes(zlib.compress(data) if kind == "compressed" else data)
    elif kind == "joblib":
        joblib.dump(MODELS[name](), path)
    else:
        path.write_bytes(pickle.dumps(MODELS[name]()))


def _json(value: Any) -> dict[str, Any]:
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def _node(loader: str, name: str, **more: Any) -> dict[str, Any]:
    module, _, kind = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": kind, **more}


def _sequence(loader: str, name: str, *items: Any) -> dict[str, Any]:
    return _node(loader, name, content=list(items))


def _mapping(key_type: dict[str, Any], **items: Any) -> dict[str, Any]:
    keys = _sequence("ListNode", "builtins.list", *[key_type for _ in items])
    return _node("DictNode", "builtins.dict", content=items, key_types=keys)


_TEXT = _node("TypeNode", "builtins.str")
_ABS = _node("FunctionNode", "numpy.absolute")
_ARGS = _sequence("TupleNode", "builtins.tuple", _json(MARK))
_PLAIN = _node("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression", content=_mapping(_TEXT))

#: Name -> what stands as an attribute of an honest model in a skops file.
NODES: dict[str, dict[str, Any]] = {
    "a bound method": _node(
        "MethodNode", "sklearn.linear_model._logistic.LogisticRegression", content={"func": "predict", "obj": _PLAIN}
    ),
    "a method caller": _node("OperatorFuncNode", "operator.methodcaller", attrs=_ARGS),
    "a partial": _node(
        "PartialNode",
        "functools.partial",
        content={"func": _ABS, "args": _ARGS, "kwds": _mapping(_TEXT), "namespace": _json(None)},
    ),
    "a partial of check_array with arguments": _node(
        "PartialNode",
        "functools.partial",
        content={
            "func": _node("FunctionNode", "sklearn.utils.validation.check_array"),
            "args": _ARGS,
            "kwds": _mapping(_TEXT),
            "namespace": _json(None),
        },
    ),
    "a constructor": _node("ConstructorFromReduceNode", "numpy.memmap", content=_ARGS),
    "a constructor of a model": _node(
        "ConstructorFromReduceNode", "sklearn.linear_model._logistic.LogisticRegression", content=_ARGS
    ),
    "a memory map as the type of a key": _mapping(_node("TypeNode", "numpy.memmap"), mark=_json(1)),
    "a model as the type of a key": _mapping(
        _node("TypeNode", "sklearn.linear_model._logistic.LogisticRegression"), mark=_json(1)
    ),
    "a function as the type of a key": _mapping(_ABS, mark=_json(1)),
    "a list of another class": _sequence("ListNode", "collections.OrderedDict"),
    "a loss of another class": _node(
        "LossNode",
        "sklearn.linear_model._logistic.LogisticRegression",
        content=_mapping(_TEXT),
        __reduce__={"args": _ARGS},
    ),
    "a class as a function": _node("FunctionNode", "sklearn.linear_model._logistic.LogisticRegression"),
    "a function as a class": _node("ObjectNode", "numpy.mean", content=_mapping(_TEXT)),
    "a function of the first protocol": _node(
        "FunctionNode", "numpy.absolute", content={"module_path": "os", "function": "system"}
    ),
    "a frozen function": _node(
        "ObjectNode", "sklearn.frozen._frozen.FrozenEstimator", content=_mapping(_TEXT, estimator=_ABS)
    ),
    "an isotonic regression of objects": _node(
        "ObjectNode", "sklearn.isotonic.IsotonicRegression", content=_mapping(_TEXT, X_thresholds_=_PLAIN)
    ),
    "a generator of a callable": _node(
        "RandomGeneratorNode",
        "numpy.random._generator.Generator",
        content={"bit_generator": _mapping(_TEXT, bit_generator=_json("seed")), "seed_seq": _mapping(_TEXT)},
    ),
    "an unknown kind of node": _node("EvalNode", "builtins.eval", content=_ARGS),
}


def write_skops(name: str, path: Path) -> None:
    """Write one of MODELS or NODES as a skops file."""
    if name in MODELS:
        skops.io.dump(MODELS[name](), path)
        return
    _write_schema(path, NODES[name])


def write_alias(path: Path) -> None:
    """Write a skops file with two nodes of one id; skops alone makes the first one twice."""
    one, other = {**_json("theirs"), "__id__": 7}, {**_json("mine"), "__id__": 7}
    _write_schema(path, _mapping(_TEXT, second=other), before={"aaa_": one})


def _write_schema(path: Path, node: dict[str, Any], before: dict[str, Any] | None = None) -> None:
    """Write an honest model whose attribute `extra_` is made from a node."""
    whole = skops.io.dumps(honest())
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    schema = json.loads(members["schema.json"])
    attributes = schema["content"]
    added = {**(before or {}), "extra_": node}
    attributes["content"] = {**added, **attributes["content"]}
    attributes["key_types"]["content"] += [_TEXT] * len(added)
    members["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
