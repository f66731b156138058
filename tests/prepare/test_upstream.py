"""Routes whose model is on another server: what its metadata mean, what does not fit, and preparing against a real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from executors import v2_server
from executors.v2_server import V2Server, answer, saying
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote_tensors import RemoteTensors
from gateway.errors import CIRCUMSTANCES, LoadError
from gateway.executors.header_file import read_headers
from gateway.executors.oip_metadata import changes
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_route
from gateway.prepare.upstream_signature import signature_of
from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.load import load_registry
from gateway.registry.spec import OutputKeys, RouteSpec
from gateway.schema import Signature
from serving import free_port


def tensor(name: str, datatype: str, *shape: int, **parameters: str) -> dict[str, Any]:
    """Return a tensor of metadata."""
    return {"name": name, "datatype": datatype, "shape": list(shape), "parameters": parameters}


def mapped(inputs: list[Any], outputs: list[Any], *names: str, **keys: Any) -> tuple[Signature, RemoteTensors]:
    """Return what metadata mean to a route that names these inputs and these keys of `outputs`."""
    spec = RouteSpec(
        path="/m", name="m", artifact="", loader="upstream", inputs={name: {} for name in names},
        outputs=OutputKeys(**keys), executor=ExecutorKeys(kind="upstream", url=("http://h",)),
    )  # fmt: skip
    return signature_of({"inputs": inputs, "outputs": outputs}, spec)


ONE = [tensor("a", "FP64", -1)]
VALUE = [tensor("y", "FP32", -1, 1)]
PREDICT, CHANCES = tensor("predict", "INT64", -1), tensor("predict_proba", "FP64", -1, 3)


def test_columns_have_the_types_of_their_tensors() -> None:
    """One tensor for each field: floats are numbers, whole numbers integers, BYTES texts."""
    told = [tensor("a", "FP32", -1), tensor("b", "UINT8", -1, 1), tensor("c", "BOOL", -1), tensor("d", "BYTES", -1)]
    signature, tensors = mapped(told, VALUE)
    assert [(one.name, one.type) for one in signature.inputs] == [
        ("a", "number"), ("b", "integer"), ("c", "boolean"), ("d", "string"),
    ]  # fmt: skip
    assert [one.width for one in tensors.inputs] == [0, 1, 0, 0]


def test_a_table_has_columns_without_names() -> None:
    """[-1, k] is k fields, and [-1, -1] as many as the registry names."""
    signature, tensors = mapped([tensor("x", "FP32", -1, 2)], VALUE)
    assert (signature.names, signature.names_known, tensors.inputs[0].width) == (("x0", "x1"), False, 2)
    assert len(mapped([tensor("x", "FP32", -1, -1)], VALUE, "a", "b", "c")[0].inputs) == 3


@pytest.mark.parametrize(
    ("outputs", "keys", "kind", "labels", "on_wire"),
    [
        (VALUE, {}, "regression", (), ()),
        ([tensor("t", "BYTES", -1)], {}, "json", (), ()),
        ([tensor("t", "BYTES", -1)], {"labels": ("no", "yes")}, "classification", ("no", "yes"), ("no", "yes")),
        ([PREDICT], {}, "regression", (), ()),
        ([PREDICT], {"labels": ("a", "b", "c")}, "classification", ("a", "b", "c"), ()),
        ([PREDICT], {"labels": (1, 2, 3)}, "classification", (1, 2, 3), (1, 2, 3)),
        ([PREDICT, CHANCES], {"labels": ("a", "b", "c")}, "classification", ("a", "b", "c"), ()),
        ([CHANCES], {"labels": ("a", "b", "c")}, "classification", ("a", "b", "c"), ()),
        ([tensor("p", "FP32", -1, 1)], {"labels": ("no", "yes")}, "classification", ("no", "yes"), ()),
        ([tensor("p", "BOOL", -1)], {}, "classification", (False, True), (False, True)),
        ([tensor("prediction", "BYTES", -1), tensor("probabilities", "FP64", -1, 2, labels='["n", "y"]')], {},
         "classification", ("n", "y"), ("n", "y")),
        ([CHANCES], {}, "multi_output", (), ()),
        ([tensor("z", "FP32", -1, -1)], {"names": ("u", "v")}, "multi_output", (), ()),
        ([tensor("u", "FP32", -1), tensor("v", "INT64", -1)], {}, "multi_output", (), ()),
        ([tensor("u", "FP32", -1), tensor("v", "FP32", -1), tensor("w", "BYTES", -1)], {"use": ("u", "v")}, "multi_output", (), ()),
    ],
)  # fmt: skip
def test_outputs(outputs: list[Any], keys: dict[str, Any], kind: str, labels: Any, on_wire: Any) -> None:
    """Shapes and labels tell values, classes, probabilities and several outputs apart."""
    signature, tensors = mapped(ONE, outputs, **keys)
    output = signature.output
    assert (output.kind, output.labels, tensors.labels, tensors.kind) == (kind, labels, on_wire, kind)


@pytest.mark.parametrize(
    ("inputs", "outputs", "keys", "part"),
    [
        ([], VALUE, {}, "no inputs"),
        ([tensor("x", "FP32", 4)], VALUE, {}, r"shape \[4\]"),
        ([tensor("x", "FP32", -1, 2, 2)], VALUE, {}, "row after another"),
        ([tensor("x", "FLOAT", -1)], VALUE, {}, "no datatype"),
        ([tensor("x", "BF16", -1)], VALUE, {}, "BF16"),
        ([tensor("x", "FP32", -1, -1)], VALUE, {}, "does not count"),
        ([tensor("x", "FP32", -1, 2), tensor("y", "FP32", -1)], VALUE, {}, "several columns beside"),
        ([{"shape": [-1]}], VALUE, {}, "no name"),
        ({"x": 1}, VALUE, {}, "list no inputs"),
        (ONE, [], {}, r"\(none\)"),
        (ONE, [PREDICT, CHANCES], {}, "is not clear"),
        (ONE, [CHANCES], {"labels": ("a", "b")}, "3 probabilities for 2 labels"),
        (ONE, VALUE, {"labels": ("a", "b", "c")}, "one number"),
        (ONE, [tensor("z", "FP32", -1, -1)], {}, "does not count"),
        (ONE, [tensor("u", "FP32", -1), tensor("t", "BYTES", -1)], {}, "text beside"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_served(inputs: Any, outputs: Any, keys: dict[str, Any], part: str) -> None:
    """What is not clear, or no row after another, is refused by name with something to do."""
    with pytest.raises(LoadError, match=part) as caught:
        mapped(inputs, outputs, **keys)
    assert caught.value.code == "executor-metadata"
    assert caught.value.hint


def test_every_change_is_named() -> None:
    """A server that came back with another schema: each difference by name; what is only more of outputs is none."""
    inputs = [tensor("a", "FP64", -1), tensor("b", "FP64", -1), tensor("c", "FP64", -1)]
    _, tensors = mapped(inputs, VALUE)
    now = [tensor("a", "FP32", -1), tensor("b", "FP64", -1, 2), tensor("d", "FP64", -1)]
    found = list(changes(tensors, {"inputs": now, "outputs": [tensor("z", "FP32", -1)]}))
    assert found == [
        "input 'a' is FP32 and was FP64",
        "input 'b' has 2 columns and had 1",
        "input 'c' is gone",
        "output 'y' is gone",
        "input 'd' is new",
    ]
    assert list(changes(tensors, {"inputs": inputs, "outputs": [*VALUE, PREDICT]})) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Authorization: [a]", "a value of Authorization"),
        ("Authorization: 'a\n\n  b'", "a value of Authorization"),
        ("Host: x", "sets Host"),
        ("'a b': x", "no header's"),
        ("- a", "no mapping"),
        ("Authorization: Bearer secret: x", "no YAML, line 1"),
    ],
)
def test_files_of_headers_that_are_none(text: str, part: str, tmp_path: Path) -> None:
    """Each fault is told without a word of the file's values."""
    path = tmp_path / "headers.yaml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(LoadError, match=part) as caught:
        read_headers(path)
    assert caught.value.code == "headers-file"
    assert "secret" not in str(caught.value)


def test_a_file_of_headers_is_private(tmp_path: Path) -> None:
    """Others on this machine may not read it; what the fix says lets it pass."""
    path = tmp_path / "headers.yaml"
    path.write_text("Authorization: Bearer x\nX-Tenant: 7\n")
    path.chmod(0o644)
    with pytest.raises(LoadError, match="other users") as caught:
        read_headers(path)
    assert caught.value.hint == f"chmod 600 {path}"
    path.chmod(0o600)
    assert read_headers(path) == {"Authorization": "Bearer x", "X-Tenant": "7"}
    with pytest.raises(LoadError, match="is not there"):
        read_headers(tmp_path / "none.yaml")


@pytest.fixture(scope="module")
def server() -> Iterator[V2Server]:
    """Return a good server."""
    server = V2Server(free_port())
    yield server
    server.close()


class Prepare:
    """Prepare one route of a registry that is written anew each time, with one cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digests = Digests(folder / "digests.json")

    def __call__(self, keys: str, more: str = "") -> Manifest:
        path = self._folder / "registry.yaml"
        path.write_text(f"version: 1\nroutes:\n  /m:\n    executor: {{kind: upstream, {keys}}}\n{more}")
        spec = load_registry(path).routes[0]
        return prepare_route(spec, self._folder / "cache", PrepareLimits(), self._digests)


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Return what prepares a route."""
    return Prepare(tmp_path)


#: A route with golden rows.
GOLDEN = "    golden: rows.json\n"


def test_a_route_is_prepared_and_kept(server: V2Server, prepare: Prepare, tmp_path: Path) -> None:
    """A real child asks the server, whose twin is away; the manifest holds until the server tells of another model."""
    (tmp_path / "rows.json").write_text('{"version": 1, "instances": [{"a": 1.5}], "predictions": [{"value": 1.5}]}')
    keys = f"url: [http://127.0.0.1:{free_port()}, {server.address}]"
    found = prepare(keys, GOLDEN)
    assert found.problem is None
    assert found.remote is not None
    assert (found.remote.kind, found.remote.binary) == ("upstream", True)
    assert found.platform == "test"
    assert found.explanation is not None
    assert "does not run in this process" in found.explanation.reason
    assert found.golden is not None
    assert found.golden.rows == 1
    asked = server.predicts
    assert asked > 0
    assert prepare(keys, GOLDEN) == found
    assert server.predicts == asked


def _problem(found: Manifest) -> tuple[str, str]:
    assert found.problem is not None
    assert found.problem.hint
    return found.problem.code, found.problem.message


def test_what_cannot_be_prepared_says_why(server: V2Server, prepare: Prepare, tmp_path: Path) -> None:
    """A server that is away, lacks the model, or differs from its twin; a column that it lacks; a compiled model."""
    away = f"http://127.0.0.1:{free_port()}"
    code, message = _problem(prepare(f"url: {away}"))
    assert code == "executor-unavailable"
    assert away not in message
    assert code in CIRCUMSTANCES
    code, message = _problem(prepare(f"url: {server.address}, model: other"))
    assert (code, "no such model" in message) == ("executor-unavailable", True)
    twin = V2Server(free_port(), metadata={**v2_server.METADATA, "inputs": [tensor("b", "FP64", -1)]})
    code, message = _problem(prepare(f"url: [{server.address}, {twin.address}]"))
    twin.close()
    assert (code, "inputs differ" in message) == ("executor-differs", True)
    code, message = _problem(prepare(f"url: {server.address}", "    inputs: {age: {}}\n"))
    assert "no such field" in message
    server.metadata["versions"] = ["2"]
    rows = tmp_path / "rows.json"
    rows.write_text('{"version": 1, "instances": [{"a": 1.5}], "predictions": [{"value": 2.5}]}')
    assert _problem(prepare(f"url: {server.address}", GOLDEN))[0] == "golden-mismatch"
    (tmp_path / "h.yaml").write_text("A: b")
    (tmp_path / "h.yaml").chmod(0o644)
    assert _problem(prepare(f"url: {server.address}, headers_from: h.yaml"))[0] == "headers-file"


def test_a_server_that_lies_about_its_answers(server: V2Server, prepare: Prepare) -> None:
    """A shape that its metadata exclude: the route fails by name, without golden rows too."""
    server.always = saying(
        answer(200, {"outputs": [{"name": "prediction", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}]})
    )
    code, message = _problem(prepare(f"url: {server.address}"))
    server.always = None
    assert code == "executor-answer"
    assert "has the shape [1, 2], expected [1]" in message
