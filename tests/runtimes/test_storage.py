"""A file of a compiled model gives back the program that was written, or is refused by the name of what misfits."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.runtimes import load_compiled, storage
from gateway.runtimes.additive import AdditiveModel, AdditiveProgram, LevelPart, NumberPart, TextPart
from gateway.runtimes.answering import AnswerForm
from gateway.runtimes.base import Draft
from gateway.runtimes.features import Features, LevelBlock, NumberBlock
from gateway.runtimes.leaf_masks import MaskGroup, Masks
from gateway.runtimes.matrix import MatrixModel, MatrixProgram
from gateway.runtimes.mojo import LevelColumn, LinearTerm, LinearTerms, MojoModel, MojoProgram, NumberColumn
from gateway.runtimes.mojo_answers import Member, Metalearner, MojoAnswerForm
from gateway.runtimes.nodes import (
    AverageNode,
    BesideNode,
    CalibrateNode,
    ColumnsNode,
    ForestNode,
    GaussianNode,
    IsotonicCurve,
    LayersNode,
    LinearNode,
    LinkNode,
    Node,
    NormalizeNode,
    PipeNode,
    PowersNode,
    ScaleNode,
    SigmoidCurve,
    SymmetricNode,
)
from gateway.runtimes.operations import Operation
from gateway.runtimes.vectorizer import Vectorizer
from gateway.schema import Field, Output, Signature

SIGNATURE = Signature(inputs=(Field(name="a"), Field(name="b", type="string")), output=Output())
FORM = AnswerForm(kind="regression")
LINE = LinearNode(np.array([[2.0], [0.5]]), np.array([1.0]))
SCALE = ScaleNode(
    [Operation("replace", (0.0,), np.array([1.0, 2.0])), Operation("clip", (-1.0, 1.0)), Operation("abs")]
)
NODES: list[Node] = [
    LINE,
    ForestNode(model=b"\x00onnx", dtype="float32", base=np.array([0.5], np.float32), rounded=True, finite=False),
    SymmetricNode(
        columns=[1],
        borders=[np.array([0.5], np.float32)],
        missing_high=[True],
        table=np.array([[0], [1]], np.uint8),
        leaves=np.array([[2.0, 3.0]]),
        starts=np.array([0]),
        base=np.zeros(1),
    ),
    LinkNode(LINE, ["expit", "normalized"]),
    AverageNode([LINE, LINE], [1.0, 3.0]),
    PipeNode(SCALE, ColumnsNode([1])),
    PowersNode([[0, 0], []]),
    NormalizeNode("l2"),
    GaussianNode(np.ones((2, 2)), np.ones((2, 2)), np.zeros(2)),
    LayersNode([np.ones((2, 1))], [np.zeros(1)], "relu"),
    CalibrateNode([SigmoidCurve(1.0, 0.5), IsotonicCurve(np.array([0.0, 1.0]), np.array([0.2, 0.9]))]),
]
LEVELS: dict[str, Any] = {
    "keys": ["x", 1, 2.5, True],
    "values": np.eye(6, 1),
    "takes_missing": True,
    "takes_unknown": False,
}
VECTORIZER = Vectorizer(
    lowercase=True, accents="ascii", analyzer="word", pattern=r"\w+", stop_words=["the"], ngrams=(1, 2),
    terms=["good film", "größer"], indices=[0, 1], binary=False, idf=np.array([1.5, 2.0]), norm="l2",
)  # fmt: skip
ADDITIVE = AdditiveProgram(
    width=1,
    intercept=np.array([0.25]),
    parts=[
        LevelPart(column=1, **LEVELS),
        NumberPart(
            column=0, slope=np.ones(1), shift=np.zeros(1), missing=np.array([np.nan]), takes_missing=False,
            at=np.array([3.0]), heights=np.array([[2.0]]), limits=(-np.inf, 1e300),
        ),
        TextPart(column=1, vectorizer=VECTORIZER, weights=np.ones((2, 1))),
    ],
    links=["exp"],
    after=None,
    answer=FORM,
)  # fmt: skip
MATRIX = MatrixProgram(
    Features(
        width=2,
        dtype="float32",
        constants=np.zeros(2, np.float32),
        blocks=[
            NumberBlock(column=0, at=[0], operations=[list(SCALE.operations)]),
            LevelBlock(column=1, at=[1], **LEVELS),
        ],
    ),
    BesideNode(NODES),
    FORM,
)
MOJO = MojoProgram(
    columns=[NumberColumn(np.array([1.0, 2.0])), LevelColumn(["x", "y"])],
    forest=Masks(np.ones((3, 1), np.uint64), np.zeros((1, 65)), np.zeros(1, np.int64), [MaskGroup([0, 1], [4, 3], 0)]),
    linear=LinearTerms(np.zeros(1), [LinearTerm(1, np.ones((3, 1)), np.zeros(1))]),
    members=[Member(at=[0, 1], start=0.5, divide=2.0, link="complement")],
    stack=Metalearner(weights=np.ones((1, 1)), intercepts=np.zeros(1), link="expit", logit=True),
    answer=MojoAnswerForm(kind="classification", threshold=0.4),
)
PROGRAMS: dict[str, tuple[msgspec.Struct, Callable[[bytes], msgspec.Struct]]] = {
    "additive": (ADDITIVE, AdditiveModel.decode),
    "matrix": (MATRIX, MatrixModel.decode),
    "mojo": (MOJO, MojoModel.decode),
}


def shown(value: Any) -> Any:
    """Return plain values to compare: arrays with their type and shape."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, repr(value.tolist())
    if isinstance(value, msgspec.Struct):
        return type(value).__name__, {name: shown(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [shown(one) for one in value]
    return repr(value)


def written(path: Path, runtime: str, program: Any, /, **changes: Any) -> str:
    """Write a program, then change what the file says besides it; return the digest of the file."""
    sha256 = storage.write(path, Draft(runtime=runtime, program=program, signature=SIGNATURE))
    if changes:
        data = msgspec.msgpack.encode(msgspec.msgpack.decode(path.read_bytes()) | changes)
        path.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
    return sha256


@pytest.mark.parametrize("runtime", sorted(PROGRAMS))
def test_a_program_comes_back_as_it_was(runtime: str, tmp_path: Path) -> None:
    """Every node, part and array, with the type of its numbers, and the signature."""
    program, decode = PROGRAMS[runtime]
    found = storage.read(tmp_path / "m", written(tmp_path / "m", runtime, program))
    assert (found.runtime, found.signature) == (runtime, SIGNATURE)
    assert shown(decode(found.program)) == shown(program)


def spoiled(program: Any, *path: str | int, value: Any) -> Any:
    """Return a program as plain values, with another value at a place."""
    data = msgspec.msgpack.encode(program, enc_hook=storage.to_wire)
    plain = msgspec.msgpack.decode(data, ext_hook=storage.from_wire)
    place = plain
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return plain


@pytest.mark.parametrize(
    ("runtime", "path", "value", "why"),
    [
        ("additive", ("width",), "1", r"Expected `int`, got `str` - at `\$.width`"),
        ("additive", ("parts", 0, "kind"), "tree", r"Invalid value 'tree' - at `\$.parts\[0\].kind`"),
        ("additive", ("parts", 2, "vectorizer", "norm"), "l3", r"Invalid enum value 'l3'"),
        ("additive", ("parts", 1, "slopes"), 1.0, r"unknown field `slopes` - at `\$.parts\[1\]`"),
        ("additive", ("intercept",), [0.25], r"Expected `numpy.ndarray`, got `list` - at `\$.intercept`"),
        ("additive", ("intercept",), np.array([1]), r"Expected an array of floating, got one of int64 - at `\$.interc"),
        ("matrix", ("head", "of", 1, "op"), "pickle", r"Invalid value 'pickle' - at `\$.head.of\[1\].op`"),
        ("matrix", ("features", "blocks", 0, "operations", 0, 0, 0), "eval", "Invalid enum value 'eval'"),
        ("mojo", ("forest", "table"), np.ones((3, 1)), r"Expected an array of uint64, got one of float64 - at `\$.fo"),
        ("mojo", ("members", 0, "link"), "none", r"Invalid enum value 'none' - at `\$.members\[0\].link`"),
    ],
)
def test_another_shape_is_refused_by_name(
    runtime: str, path: tuple[str | int, ...], value: Any, why: str, tmp_path: Path
) -> None:
    """What is missing, unknown or of another type is told with its place: nothing of it is run."""
    program = spoiled(PROGRAMS[runtime][0], *path, value=value)
    sha256 = written(tmp_path / "m", runtime, program)
    with pytest.raises(ValueError, match=why):
        load_compiled(tmp_path / "m", sha256)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 2}, "format 2, expected 3"),
        ({"code": "other"}, "proven with other code"),
        ({"runtime": "torch"}, "there is no runtime 'torch': one of additive, matrix, mojo"),
        ({"weights": 1}, "unknown field `weights`"),
        ({"signature": {"inputs": [], "output": {"kind": "guess"}}}, r"'guess' - at `\$.signature.output.kind`"),
    ],
)
def test_another_file_is_refused(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    """Format, code, runtime and signature are looked at before a program is."""
    sha256 = written(tmp_path / "m", "additive", ADDITIVE, **changes)
    with pytest.raises(ValueError, match=why):
        load_compiled(tmp_path / "m", sha256)
