"""What a registry may say, and how each fault is reported: golden pairs errors/<code>.yaml + .txt."""

import ast
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway.registry.files
from gateway.errors import RegistryError
from gateway.registry.document import parse as parse_text
from gateway.registry.keys import INPUT_KEYS, OUTPUT_KEYS, ROUTE_KEYS, SERVER_KEYS, TOP_KEYS
from gateway.registry.limit_keys import RequestLimitKeys
from gateway.registry.load import load_registry
from gateway.registry.parse import parse_registry
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import OutputKeys, RegistrySpec, RouteSpec
from gateway.schema import Field
from gateway.validation.keywords import ATTRIBUTES

ERRORS = Path(__file__).parent / "errors"
SOURCE = Path(gateway.registry.files.__file__).parent
CODES = sorted(path.stem for path in ERRORS.glob("*.txt"))
#: Faults that a small file cannot show; each has a test of its own below.
SHOWN_ELSEWHERE = {"too-large", "ambiguous-loader"}
#: Faults about files, which `gateway check` looks at and serving leaves to each route.
ABOUT_FILES = {
    "artifact-missing",
    "not-a-file",
    "card-missing",
    "golden-missing",
    "plot-missing",
    "headers-missing",
    "ca-missing",
    "token-missing",
    "environment-broken",
    "requirements-missing",
    "wrong-sha256",
    "pickle-not-allowed",
    "files-missing",
    "outside-roots",
}
#: Faults that depend on GATEWAY_ROOT_PATH.
ROOT_PATHS = {"ambiguous-root-path": "/ml"}


def report_of(code: str) -> str:
    """Return the report for errors/<code>.yaml, as run from that folder."""
    with pytest.raises(RegistryError) as caught:
        load_registry(Path(f"{code}.yaml"), files=code in ABOUT_FILES, root_path=ROOT_PATHS.get(code, ""))
    assert f"{caught.value.count} fault" in caught.value.text
    return caught.value.text + "\n"


@pytest.mark.parametrize("code", CODES)
def test_fault_is_reported_as_in_its_golden_pair(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of fault has one text: position, code, source line, caret, rule, repair."""
    monkeypatch.chdir(ERRORS)
    report = report_of(code)
    assert report == (ERRORS / f"{code}.txt").read_text(encoding="utf-8")
    assert f"[{code}]" in report
    assert set(re.findall(r"\[([a-z0-9]+(?:-[a-z0-9]+)+)\]$", report, re.MULTILINE)) == {code}


def test_every_code_in_the_source_has_a_golden_pair() -> None:
    """A fault code cannot be added without showing its text."""
    pattern = re.compile(r"[a-z]+[0-9]*(-[a-z0-9]+)+")
    ignored = {"utf-8", "utf-8-sig", "my-model"}
    found = {
        node.value
        for path in SOURCE.glob("*.py")
        if path.name not in {"merge.py", "merge_output.py", "add.py", "edit_route.py", "json_schema.py"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.fullmatch(node.value)
    }
    assert found - ignored - SHOWN_ELSEWHERE == set(CODES)


def parse(tmp_path: Path, text: str) -> RegistrySpec:
    """Load a registry from text."""
    path = tmp_path / "registry.yaml"
    path.write_text(text, encoding="utf-8")
    return load_registry(path)


def faults(tmp_path: Path, text: str) -> str:
    """Return the report of a faulty registry."""
    with pytest.raises(RegistryError) as caught:
        parse(tmp_path, text)
    return caught.value.text


def test_one_line_is_a_route(tmp_path: Path) -> None:
    """The shortest entry is a path and an artifact; everything else has its default."""
    (route,) = parse(tmp_path, "version: 1\nroutes:\n  /churn: models/churn/model.onnx\n").routes
    assert route == RouteSpec(
        path="/churn", name="churn", artifact="models/churn/model.onnx", loader="onnx", base=str(tmp_path)
    )


def test_example_of_the_contract(tmp_path: Path) -> None:
    """The documented example is read as documented."""
    spec = parse(
        tmp_path,
        """\
# yaml-language-server: $schema=gateway/registry.schema.json
version: 1
defaults: {timeout_s: 2, max_queue: 4}
server: {cors: [https://a.example], max_body_size: 1.5MiB, errors: redacted, strict: false, memory_budget: 1024}
routes:
  /katana/diabetes:
    artifact: models/diabetes/model.ubj
    description: Probability of diabetes
    version: 1.10
    aliases: [/katana-ml/api/v1.0/diabetes]
    inputs:                                # order = positional order
      glucose: {type: number, minimum: 0, maximum: 600, missing: 0, examples: [106], unit: mg/dL}
      age:
    outputs: {labels: ["no", "yes"], positive: "yes"}
    response: {prediction: $probability.yes}
    id: {field: [ID, Id, id]}
    batch: by_id
    max_queue: 9
    compile: off
""",
    )
    (route,) = spec.routes
    assert (route.name, route.loader, route.version) == ("katana-diabetes", "xgboost", "1.10")
    assert (route.timeout_s, route.max_queue, route.compile) == (2.0, 9, "off")
    assert list(route.inputs) == ["glucose", "age"]
    assert route.inputs["glucose"]["missing"] == (0,)
    assert route.outputs == OutputKeys(labels=("no", "yes"), positive="yes")
    assert route.response == {"prediction": "$probability.yes"}
    assert (route.id_fields, route.batch) == (("ID", "Id", "id"), "by_id")
    assert spec.server.max_body_size == 3 * 512 * 1024
    assert (spec.server.errors, spec.server.strict, spec.server.memory_budget) == ("redacted", False, 1024)


def test_limits_of_the_server_have_no_rows(tmp_path: Path) -> None:
    """`server.limits` takes requests and a burst; rows belong to routes, and what is a list or empty limits nothing."""
    text = "version: 1\nserver: {limits: {requests: 20/s, burst: 200}}\nroutes: {/x: x.onnx}\n"
    spec = parse(tmp_path, text)
    assert spec.server.limits == RequestLimitKeys(requests="20/s", burst=200)
    assert str(spec.server.limits.limits()) == "20 requests a second, 200 at once"
    for empty in ("", "{}"):
        assert parse(tmp_path, text.replace("{requests: 20/s, burst: 200}", empty)).server.limits.limits() is None
    with pytest.raises(RegistryError) as caught:
        parse(tmp_path, text.replace("burst: 200", "rows: 5/s, daily: 3"))
    assert caught.value.text.count("expected: burst or requests") == 2
    with pytest.raises(RegistryError) as caught:
        parse(tmp_path, text.replace("requests: 20/s, ", ""))
    assert "'limits' of 'server' names a 'burst' and no 'requests'" in caught.value.text


def test_words_of_yaml_1_1_stay_text(tmp_path: Path) -> None:
    """Levels such as no, off, 007 and 12:30 reach the model as they are written."""
    text = "version: 1\nroutes:\n  /no: {artifact: x.onnx, inputs: {y: {enum: [no, off, 007, 12:30, 2024-01-31]}}}\n"
    (route,) = parse(tmp_path, text).routes
    assert route.inputs["y"]["enum"] == ("no", "off", "007", "12:30", "2024-01-31")


def test_all_faults_come_in_one_run_sorted(tmp_path: Path) -> None:
    """A person repairs a registry once, not fault by fault."""
    report = faults(
        tmp_path, "version: 1\nrutes: {}\nroutes:\n  /b: {artifact: x.h5}\n  c: {loader: onx, artifact: a}\n"
    )
    codes = re.findall(r"\[([a-z0-9-]+)\]$", report, re.MULTILINE)
    assert codes == ["unknown-key", "no-loader", "bad-path", "unknown-loader"]
    assert report.endswith("4 faults in " + str(tmp_path / "registry.yaml"))


def test_an_aliased_fault_is_said_once(tmp_path: Path) -> None:
    """An anchor that is used twice stands in one place, so its fault does too."""
    text = "version: 1\nroutes:\n  /a: &a {artifact: x.onnx, max_rows: 0}\n  /b: *a\n"
    assert faults(tmp_path, text).count("[out-of-range]") == 1


def test_an_absent_artifact_is_left_to_its_route(tmp_path: Path) -> None:
    """Without `files` an absent artifact is no fault: the other routes serve."""
    text = "version: 1\nroutes:\n  /a: absent.onnx\n"
    assert parse(tmp_path, text).routes[0].loader == "onnx"
    with pytest.raises(RegistryError, match="1 fault"):
        load_registry(tmp_path / "registry.yaml", files=True)


def test_ambiguity_lists_the_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loaders that fit are a fault that names both; naming one ends it."""
    monkeypatch.setattr(gateway.registry.files, "sniff", lambda path, text: ("onnx", "sklearn"))
    report = faults(tmp_path, "version: 1\nroutes:\n  /a: model.bin\n")
    assert "[ambiguous-loader]" in report
    assert "one of onnx or sklearn" in report
    assert (
        parse(tmp_path, "version: 1\nroutes:\n  /a: {artifact: model.bin, loader: onnx}\n").routes[0].loader == "onnx"
    )


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """A registry of more than 16 MiB is a mistake, and reading it must not fill the memory."""
    assert "[too-large]" in faults(tmp_path, "#" * (16 * 1024 * 1024 + 1))


ODD = st.sampled_from(
    [
        "",
        "5",
        "-1.5",
        "text",
        "[]",
        "[1, [2]]",
        "{}",
        "{a: {b: 1}}",
        "~",
        "true",
        ".nan",
        '"$x"',
        '"*"',
        "1e400",
        "/",
        "é",
    ]
)
KEYS = st.sampled_from([*ROUTE_KEYS, *INPUT_KEYS, *OUTPUT_KEYS, *SERVER_KEYS, *TOP_KEYS, "field", "a", '"*"', "/x"])


def _flow(entries: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"


def _list(items: list[str]) -> str:
    return "[" + ", ".join(items) + "]"


TREES = st.recursive(
    ODD, lambda inner: st.dictionaries(KEYS, inner, max_size=4).map(_flow) | st.lists(inner, max_size=3).map(_list)
)


@given(
    st.dictionaries(KEYS, TREES, max_size=5), st.sampled_from(["routes:\n  /x: ", "server: ", "routes: ", "defaults: "])
)
def test_any_shape_is_read_or_reported(entries: dict[str, str], above: str) -> None:
    """Known keys with values of any shape end in a spec or in a report, never in a traceback."""
    text = f"version: 1\n{above}{_flow(entries)}\n"
    try:
        parse_registry(parse_text(text.encode(), "x"), Path("/nowhere"), files=True)
    except RegistryError as error:
        assert error.text


def test_wide_characters_keep_the_caret_in_place(tmp_path: Path) -> None:
    """The caret stands under the fault in a terminal, also behind characters of double width."""
    report = faults(tmp_path, "version: 1\nroutes:\n  /x: {description: 日本語, artifact: x.onnx, lod: lazy}\n")
    source, caret = report.splitlines()[1:3]
    assert caret.index("^") == source.index("lod") + 3


def test_every_field_of_the_specs_is_a_key() -> None:
    """What a person may write is told once, in the spec; input keywords have their attribute in Field."""
    for keys, spec in ((ROUTE_KEYS, RouteSpec), (OUTPUT_KEYS, OutputKeys), (SERVER_KEYS, ServerSpec)):
        written = {key.target for key in keys.values() if key.kind != "reserved"}
        assert set(spec.__dataclass_fields__) - written <= {"path", "base", "resolved"}
    of_artifact = {"name", "booleans_as_numbers", "whole", "unused", "takes_integers"}
    of_loading = {"dummies", "base"}
    written = {ATTRIBUTES.get(name, name) for name in INPUT_KEYS} - of_loading
    assert written == set(Field.__dataclass_fields__) - of_artifact


def test_a_key_takes_kind_and_choices_from_its_field() -> None:
    """The type of a field is not told again beside it."""
    shown = {name: (key.target, key.kind, key.choices) for name, key in ROUTE_KEYS.items()}
    assert shown["id"] == ("id_fields", "section", ())
    assert shown["load"] == ("load", "choice", ("eager", "lazy"))
    assert [shown[name][1] for name in ("critical", "max_rows", "timeout_s", "tolerance", "golden")] == [
        "flag",
        "integer",
        "number",
        "number",
        "text",
    ]


def test_a_thousand_routes_parse_in_a_second(tmp_path: Path) -> None:
    """A reload of a large registry stays cheap (0.5 s of CPU when written; the bound allows a slow machine)."""
    field = "{type: number, minimum: 0, maximum: 10, unit: mg}"
    one = "  /r%d:\n    artifact: a%d.onnx\n    inputs:\n" + "".join(f"      f{i}: {field}\n" for i in range(8))
    started = time.process_time()
    spec = parse(tmp_path, "version: 1\nroutes:\n" + "".join(one % (i, i) for i in range(1000)))
    assert len(spec.routes) == 1000
    assert time.process_time() - started < 3


def rewrite() -> None:
    """Write every .txt anew (`python tests/registry/test_parse.py`): read the diff."""
    for path in sorted(ERRORS.rglob("*.yaml")):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(RegistryError) as caught:
            patch.chdir(path.parent)
            load_registry(Path(path.name), files=path.parent != ERRORS or path.stem in ABOUT_FILES)
        report = caught.value.text + "\n"
        path.with_suffix(".txt").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
