"""
Archives and graphs that mean harm: each leads out of itself, fills the memory, hides a call, or never ends.

Every function returns the bytes of one file.
"""

import functools
import io
import json
import pickle
import re
import stat
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import onnx
import skops.io
import xgboost
from onnx import TensorProto, helper
from sklearn.linear_model import LinearRegression

from loaders.acting import MARK

MOJO = Path(__file__).resolve().parents[1] / "mojos" / "loan" / "model.zip"
_PICKLED = b"cbuiltins\nexec\n(Vopen('" + MARK.encode() + b"', 'w').close()\ntR."
_MEBIBYTE = 2**20


@functools.cache
def _skops_bytes() -> bytes:
    data: bytes = skops.io.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    return data


@functools.cache
def _mojo_bytes() -> bytes:
    return MOJO.read_bytes()


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(members: Mapping[str, bytes], *more: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name may be there twice
        for name, data in (*members.items(), *more):
            archive.writestr(name, data)
    return stream.getvalue()


def _with(whole: Callable[[], bytes], *more: tuple[zipfile.ZipInfo | str, bytes]) -> Callable[[], bytes]:
    return lambda: _packed(_members(whole()), *more)


def _link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def _named(name: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo("placeholder")
    info.filename = info.orig_filename = name  # as it stands: the constructor would tidy it up
    return info, b"mark"


def _bomb(whole: Callable[[], bytes], name: str) -> Callable[[], bytes]:
    """Say of a member that it unpacks to more than memory should hold; tests/zoo has archives that really do."""

    def make() -> bytes:
        data = bytearray(_with(whole, (name, b"mark"))())
        at = data.rfind(b"PK\x01\x02")
        data[at + 24 : at + 28] = struct.pack("<I", 2**31)
        return bytes(data)

    return make


def _many(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    def make() -> bytes:
        stream = io.BytesIO(whole())
        with zipfile.ZipFile(stream, "a") as archive:
            info = zipfile.ZipInfo("empty")
            archive.writestr(info, b"")
            for number in range(100_001):
                archive.filelist.append(_renamed(info, str(number)))
            archive._didModify = True  # type: ignore[attr-defined]
        return stream.getvalue()

    return make


def _renamed(info: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.header_offset, found.create_version = info.header_offset, info.create_version
    found.compress_size = found.file_size = found.CRC = 0
    return found


def _encrypted(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    def make() -> bytes:
        data = bytearray(whole())
        data[data.rfind(b"PK\x01\x02") + 8] |= 1
        return bytes(data)

    return make


def _lying(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    """Say of the last member, in the table of contents, that it is a few bytes long."""

    def make() -> bytes:
        data = bytearray(whole())
        at = data.rfind(b"PK\x01\x02")
        data[at + 24 : at + 28] = struct.pack("<I", 3)
        return bytes(data)

    return make


def _same_place(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    """Let all members of the table of contents overlap at the first one."""

    def make() -> bytes:
        data = bytearray(whole())
        at = data.find(b"PK\x01\x02")
        while at >= 0:
            data[at + 42 : at + 46] = bytes(4)
            at = data.find(b"PK\x01\x02", at + 4)
        return bytes(data)

    return make


def _checksum(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    """Give the last member another checksum, which some scanners stop at and some readers ignore."""

    def make() -> bytes:
        data = bytearray(whole())
        at = data.rfind(b"PK\x01\x02")
        data[at + 16 : at + 20] = b"\0\0\0\0"
        return bytes(data)

    return make


def _two_names(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    """Call the first member otherwise at its place than in the table of contents."""

    def make() -> bytes:
        data = bytearray(whole())
        data[30:34] = b"mark"
        return bytes(data)

    return make


def _method(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    """Say of each member that it is packed by a method that nobody has."""

    def make() -> bytes:
        data = bytearray(whole())
        for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = data.find(mark)
            while at >= 0:
                data[at + offset : at + offset + 2] = struct.pack("<H", 4711)
                at = data.find(mark, at + 4)
        return bytes(data)

    return make


def _behind_its_end(whole: Callable[[], bytes]) -> Callable[[], bytes]:
    """Hide the archive from whoever reads the last table of contents: another one, of nothing, stands behind it."""
    return lambda: whole() + _packed({"data.pkl": _PICKLED})


def _of_both(whole: Callable[[], bytes], member: str) -> dict[str, Callable[[], bytes]]:
    """Return what every archive is tried with; `member` is one that the reader asks for."""
    return {
        "a name that leads out": _with(whole, _named("../mark")),
        "a name that leads out behind a folder": _with(whole, _named("a/../../mark")),
        "a name that leads out in the manner of Windows": _with(whole, _named("..\\mark")),
        "an absolute name": _with(whole, _named("/tmp/mark")),
        "an absolute name of Windows": _with(whole, _named("C:\\mark")),
        "a name with a NUL": _with(whole, _named("mark\0.npy")),
        "a name with a line break": _with(whole, _named("mark\nmark")),
        "a link": _with(whole, _link("link", "/etc/hostname")),
        "a link in the place of a member": lambda: _packed(
            {name: data for name, data in _members(whole()).items() if name != member}, _link(member, "/etc/hostname")
        ),
        "a member twice": _with(whole, (member, b"{}")),
        "an encrypted member": _encrypted(whole),
        "a member that is longer than it says": _lying(whole),
        "members that overlap": _same_place(whole),
        "a bomb": _bomb(whole, "bomb"),
        "a wrong checksum": _checksum(whole),
        "two names of one member": _two_names(whole),
        "a method that nobody has": _method(whole),
        "another archive behind its end": _behind_its_end(whole),
    }


def _schema(change: Callable[[dict[str, Any]], Any], *, without: str = "") -> Callable[[], bytes]:
    def make() -> bytes:
        members = _members(_skops_bytes())
        schema = json.loads(members["schema.json"])
        change(schema)
        members["schema.json"] = json.dumps(schema).encode()
        return _packed({name: data for name, data in members.items() if not without or not name.endswith(without)})

    return make


def _attribute(name: str, value: Any) -> Callable[[], bytes]:
    return _schema(lambda schema: schema["content"]["content"].update({name: value}))


def _replaced(**keys: Any) -> Callable[[], bytes]:
    return _schema(lambda schema: schema["content"]["content"]["coef_"].update(keys))


def _arrays(data: bytes) -> Callable[[], bytes]:
    """Put other bytes in the place of every array."""
    return lambda: _packed({n: data if n.endswith(".npy") else d for n, d in _members(_skops_bytes()).items()})


def _npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def _objects() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([1, None], dtype=object), allow_pickle=True)
    head = stream.getvalue()
    return head[: head.index(b"\n") + 1] + _PICKLED


def _deep(depth: int) -> bytes:
    return b'{"content":' * depth + b"1" + b"}" * depth


_NODE = {"__loader__": "ObjectNode", "content": {}}

#: skops: what it would make, call or read.
SKOPS: dict[str, Callable[[], bytes]] = {
    **_of_both(_skops_bytes, "schema.json"),
    "a hundred thousand members": _many(_skops_bytes),
    "a class of the standard library": _attribute(
        "extra_", {**_NODE, "__module__": "subprocess", "__class__": "Popen"}
    ),
    "a function of the standard library": _attribute(
        "extra_", {"__loader__": "FunctionNode", "__module__": "os", "__class__": "system", "content": None}
    ),
    "a type of the standard library": _attribute(
        "extra_", {"__loader__": "TypeNode", "__module__": "subprocess", "__class__": "Popen"}
    ),
    "a method of the standard library": _attribute(
        "extra_",
        {"__loader__": "MethodNode", "__module__": "os", "__class__": "system", "content": {"obj": _NODE, "func": "x"}},
    ),
    "a name in one place and another in the next": _attribute(
        "extra_",
        {
            "__loader__": "OperatorFuncNode",
            "__module__": "operator",
            "__class__": "call",
            "content": {"__module__": "os", "__class__": "system", "__loader__": "FunctionNode"},
        },
    ),
    "a name that is no text": _attribute("extra_", {**_NODE, "__module__": ["os"], "__class__": {"a": 1}}),
    "a module that acts when it is imported": _attribute(
        "extra_", {**_NODE, "__module__": "antigravity", "__class__": "fly"}
    ),
    "a reader of joblib": _attribute("extra_", {**_NODE, "__module__": "joblib", "__class__": "load"}),
    "an array of objects": _arrays(_objects()),
    "a pickle in the place of an array": _arrays(_PICKLED),
    "an array of terabytes": _arrays(_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }")),
    "a header of an array that is a program": _arrays(_npy("__import__('os').system('touch mark')")),
    "an array in a file of this machine": _replaced(file="/etc/hostname"),
    "an array in a file outside": _replaced(file="../mark.npy"),
    "an array in a file that is absent": _schema(lambda schema: None, without=".npy"),
    "an array that is read as a sparse matrix": _replaced(type="sparse", __loader__="SparseMatrixNode"),
    "an array that is read by another loader": _replaced(__loader__="PickleNode"),
    "a node ten thousand deep": lambda: _packed({**_members(_skops_bytes()), "schema.json": _deep(10_000)}),
    "a schema that is a list": lambda: _packed({**_members(_skops_bytes()), "schema.json": b"[1]"}),
    "a schema that is no JSON": lambda: _packed({**_members(_skops_bytes()), "schema.json": _PICKLED}),
    "no schema": lambda: _packed({"data.pkl": _PICKLED}),
    "a newer protocol": _schema(lambda schema: schema.update(protocol=10**9)),
}


def _described(change: Callable[[str], str], member: str = "model.ini") -> Callable[[], bytes]:
    """Change the description of a model in the archive: that of the ensemble, or of the first whose folder fits."""

    def make() -> bytes:
        members = _members(_mojo_bytes())
        name = next(one for one in members if one.endswith("model.ini") and member in one)
        members[name] = change(members[name].decode()).encode()
        return _packed(members)

    return make


def _said(key: str, value: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)


def _of_itself(text: str) -> str:
    """Make an ensemble its own metalearner."""
    text = re.sub(r"^submodel_count = .*$", "submodel_count = 1", text, flags=re.MULTILINE)
    text = re.sub(r"^(submodel_(key|dir)_\d+|base_model\d+) = .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^base_models_num = .*$", "base_models_num = 0", text, flags=re.MULTILINE)
    more = "submodel_key_0 = itself\nsubmodel_dir_0 = \nmetalearner = itself\n"
    return re.sub(r"^metalearner = .*\n", more, text, flags=re.MULTILINE)


MOJOS: dict[str, Callable[[], bytes]] = {
    **_of_both(_mojo_bytes, "model.ini"),
    "a billion trees": _described(_said("n_trees", "1000000000"), "GBM"),
    "a billion classes": _described(_said("n_trees_per_class", "1000000000"), "GBM"),
    "an ensemble of itself": _described(_of_itself),
    "more columns than there are": _described(_said("n_features", "1000000000")),
    "levels in a file outside": _described(lambda text: text.replace("d000.txt", "../../../etc/hostname")),
    "a description that is a pickle": lambda: _packed({**_members(_mojo_bytes()), "model.ini": _PICKLED}),
    "a description of one endless line": lambda: _packed({"model.ini": b"[info]\n" + b"a" * _MEBIBYTE}),
}


def _graph(*, nodes: Any = None, initializers: Any = (), domains: Any = ("",), functions: Any = ()) -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph(nodes or [helper.make_node("Add", ["x", "w"], ["y"])], "g", [x], [y], initializers)
    opsets = [helper.make_opsetid(domain, 17) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, functions=functions).SerializeToString()  # type: ignore[no-any-return]


def honest_graph() -> bytes:
    """Return a graph that adds one."""
    model = onnx.load_model_from_string(_graph(initializers=[helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])]))
    model.ir_version = 8
    return model.SerializeToString()  # type: ignore[no-any-return]


def _outside(location: str, name: str = "w") -> Any:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def _constant(attribute: str, value: Any) -> bytes:
    nodes = [helper.make_node("Constant", [], ["w"], **{attribute: value}), helper.make_node("Add", ["x", "w"], ["y"])]
    return _graph(nodes=nodes)


def _branch() -> bytes:
    inner = helper.make_graph(
        [helper.make_node("Identity", ["v"], ["z"])],
        "inner",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])],
        [_outside("/etc/hostname", "v")],
    )
    condition = helper.make_node("Constant", [], ["c"], value=helper.make_tensor("c", TensorProto.BOOL, [], [True]))
    chosen = helper.make_node("If", ["c"], ["w"], then_branch=inner, else_branch=inner)
    return _graph(nodes=[condition, chosen, helper.make_node("Add", ["x", "w"], ["y"])])


def _function() -> bytes:
    inner = helper.make_node("Constant", [], ["w"], value=_outside("/etc/hostname"))
    body = [inner, helper.make_node("Add", ["a", "w"], ["b"])]
    made = helper.make_function("", "F", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    return _graph(nodes=[helper.make_node("F", ["x"], ["y"])], functions=[made])


def _sparse() -> Any:
    found = onnx.SparseTensorProto(dims=[1])
    found.values.CopyFrom(_outside("/etc/hostname"))
    found.indices.CopyFrom(helper.make_tensor("i", TensorProto.INT64, [1], [0]))
    return found


def _with_sparse() -> bytes:
    model = onnx.load_model_from_string(_graph())
    model.graph.sparse_initializer.add().CopyFrom(_sparse())
    return model.SerializeToString()  # type: ignore[no-any-return]


def _announced(dims: list[int], kind: int = TensorProto.FLOAT) -> Any:
    """Make a tensor of four bytes that says it has other dimensions."""
    return TensorProto(name="w", data_type=kind, dims=dims, raw_data=b"mark")


def _filled() -> bytes:
    shape = helper.make_tensor("s", TensorProto.INT64, [1], [2**45])
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["w"]), helper.make_node("Add", ["x", "w"], ["y"])]
    return _graph(nodes=nodes, initializers=[shape])


def _nested(depth: int) -> bytes:
    """Write graphs in attributes of nodes of graphs, by hand: no library makes so many."""
    data = b""
    for _ in range(depth):
        for field in (6, 5, 1):  # graph of an attribute, attribute of a node, node of a graph
            data = _message(field, data)
    return _message(7, data)


def _message(field: int, data: bytes) -> bytes:
    """Write a message of protobuf as a field of another one."""
    size, head = len(data), bytes([field << 3 | 2])
    while size > 127:
        head, size = head + bytes([size & 127 | 128]), size >> 7
    return head + bytes([size]) + data


#: ONNX: tensors in other files, code of other libraries, and shapes that fill the memory.
GRAPHS: dict[str, Callable[[], bytes]] = {
    "a tensor in a file outside": lambda: _graph(initializers=[_outside("../../../etc/hostname")]),
    "a tensor in a file of this machine": lambda: _graph(initializers=[_outside("/etc/hostname")]),
    "a tensor in a file beside": lambda: _graph(initializers=[_outside("weights.bin")]),
    "a constant outside": lambda: _constant("value", _outside("/etc/hostname")),
    "a sparse constant outside": lambda: _constant("sparse_value", _sparse()),
    "a tensor outside in a branch": _branch,
    "a tensor outside in a function": _function,
    "a sparse tensor outside": _with_sparse,
    "an operator of another library": lambda: _graph(
        nodes=[helper.make_node("System", ["x"], ["y"], domain="evil.ops")], domains=("", "evil.ops")
    ),
    "a pickle": lambda: _PICKLED,
    "an archive": lambda: _packed({"data.pkl": _PICKLED}),
    "a tensor of terabytes": lambda: _graph(initializers=[_announced([2**40])]),
    "texts of terabytes": lambda: _graph(initializers=[_announced([2**40], TensorProto.STRING)]),
    "a tensor whose size overflows": lambda: _graph(initializers=[_announced([2**33, 2**33])]),
    "a tensor of fewer than no numbers": lambda: _graph(initializers=[_announced([-1])]),
    "a tensor of a type that does not exist": lambda: _graph(initializers=[_announced([1], 99)]),
    "a constant of terabytes": lambda: _constant("value", _announced([2**40])),
    "a constant that is filled to terabytes": _filled,
    "branches thousands deep": lambda: _nested(5_000),
}


def _json_model(depth: int) -> bytes:
    return b'{"learner":' + b'{"a":' * depth + b"1" + b"}" * depth + b',"version":[3,1,0]}'


def _booster(change: Callable[[dict[str, Any]], Any]) -> Callable[[], bytes]:
    def make() -> bytes:
        model = json.loads(_booster_bytes())
        change(model)
        return json.dumps(model).encode()

    return make


def _named_twice(second: str) -> Callable[[], bytes]:
    """Hide a tree that leads to itself: XGBoost keeps escapes of a name as they stand, and reads the first learner."""

    def make() -> bytes:
        whole = json.loads(_booster_bytes())
        good = json.dumps(whole["learner"])
        whole["learner"]["gradient_booster"]["model"]["trees"][0]["left_children"][0] = 0
        bad = json.dumps(whole["learner"])
        return f'{{"learner":{bad},"{second}":{good},"version":{json.dumps(whole["version"])}}}'.encode()

    return make


@functools.cache
def _booster_bytes() -> bytes:
    rows = np.arange(20.0).reshape(-1, 2)
    return bytes(xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, rows[:, 0]), 2).save_raw("json"))


#: XGBoost's own formats.
BOOSTERS: dict[str, Callable[[], bytes]] = {
    "JSON a hundred thousand deep": lambda: _json_model(100_000),
    "UBJSON a hundred thousand deep": lambda: b"{L" + struct.pack(">q", 7) + b"learner" + b"[" * 100_000,
    "UBJSON with a text of exabytes": lambda: b"{L" + struct.pack(">q", 7) + b"learnerSL" + struct.pack(">q", 2**60),
    "UBJSON with an array of exabytes": lambda: (
        b"{L" + struct.pack(">q", 7) + b"learner[$d#L" + struct.pack(">q", 2**60)
    ),
    "a tree that points outside": _booster(
        lambda m: m["learner"]["gradient_booster"]["model"]["trees"][0].update(left_children=[7_000_000, -1, -1])
    ),
    "a billion trees": _booster(
        lambda m: m["learner"]["gradient_booster"]["model"]["gbtree_model_param"].update(num_trees="1000000000")
    ),
    "a pickle": lambda: pickle.dumps({"learner": 1}, protocol=2),
    "a name that stands twice": _named_twice("learner"),
    "a name that stands twice, once in escapes": _named_twice("l\\u0065arner"),
    "a name in escapes": lambda: _booster_bytes().replace(b'"split_type"', b'"split_t\\u0079pe"'),
}


@functools.cache
def _forest_text() -> str:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    options = {"verbose": -1, "num_leaves": 4, "min_data_in_leaf": 2, "num_threads": 1}
    return str(lightgbm.train(options, lightgbm.Dataset(rows, rows[:, 0]), 3).model_to_string())


def _forest(key: str, value: str) -> Callable[[], bytes]:
    return lambda: re.sub(rf"^{key}=.*$", f"{key}={value}", _forest_text(), flags=re.MULTILINE).encode()


#: LightGBM's text: counts and places that the file does not have.
FORESTS: dict[str, Callable[[], bytes]] = {
    "a billion leaves": _forest("num_leaves", "1000000000"),
    "fewer than no leaves": _forest("num_leaves", "-1"),
    "a billion sets of categories": _forest("num_cat", "1000000000"),
    "a billion columns": _forest("max_feature_idx", "1000000000"),
    "a billion classes": _forest("num_class", "1000000000"),
    "a billion trees of a round": _forest("num_tree_per_iteration", "1000000000"),
    "a child that points outside": _forest("left_child", "7000000 -1 -2"),
    "a column that points outside": _forest("split_feature", "7000000 1 2"),
    "sets of categories that are not there": _forest("decision_type", "1 1 1"),
}


@functools.cache
def _oblivious(form: str) -> bytes:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    model = catboost.CatBoostRegressor(iterations=3, depth=2, verbose=0, allow_writing_files=False, thread_count=1)
    with tempfile.NamedTemporaryFile() as file:
        model.fit(rows, rows[:, 0]).save_model(file.name, format=form)
        return Path(file.name).read_bytes()


def _changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[], bytes]:
    def make() -> bytes:
        model = json.loads(_oblivious("json"))
        change(model)
        return json.dumps(model).encode()

    return make


def _word(at: int, value: int) -> Callable[[], bytes]:
    return lambda: _oblivious("cbm")[:at] + struct.pack("<I", value) + _oblivious("cbm")[at + 4 :]


#: CatBoost's binary format.
BINARIES: dict[str, Callable[[], bytes]] = {
    "a size of gigabytes": _word(4, 2**32 - 1),
    "a size of nothing": _word(4, 0),
    "a table outside": _word(8, 2**31 - 1),
    "a half": lambda: _oblivious("cbm")[: len(_oblivious("cbm")) // 2],
    "the first bytes alone": lambda: b"CBM1" + b"\xff" * 64,
}
#: CatBoost's JSON.
OBLIVIOUS: dict[str, Callable[[], bytes]] = {
    "a hundred thousand levels": lambda: b'{"oblivious_trees":' * 100_000 + b"1" + b"}" * 100_000,
    "more splits than a tree can have": _changed(
        lambda m: m["oblivious_trees"][0].update(splits=m["oblivious_trees"][0]["splits"] * 40)
    ),
    "a tree without leaves": _changed(lambda m: m["oblivious_trees"][0].update(leaf_values=[])),
    "a column that points outside": _changed(
        lambda m: m["oblivious_trees"][0]["splits"][0].update(float_feature_index=7_000_000)
    ),
    "a place among billions of columns": _changed(
        lambda m: m["features_info"]["float_features"][0].update(flat_feature_index=2**31 - 1)
    ),
    "no columns": _changed(lambda m: m["features_info"]["float_features"].clear()),
    "trees that stand twice": lambda: _oblivious("json").replace(
        b'"oblivious_trees"', b'"oblivious_trees":[],"oblivious_trees"'
    ),
}

#: Loader -> name -> bytes.
ALL: dict[tuple[str, str], dict[str, Callable[[], bytes]]] = {
    ("sklearn", ".skops"): SKOPS,
    ("h2o_mojo", ".zip"): MOJOS,
    ("onnx", ".onnx"): GRAPHS,
    ("xgboost", ".json"): BOOSTERS,
    ("lightgbm", ".txt"): FORESTS,
    ("catboost", ".cbm"): BINARIES,
    ("catboost", ".json"): OBLIVIOUS,
}
