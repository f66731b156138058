"""The JSON Schema for editors says what the parser says, as far as a schema can."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.registry.document import parse, read
from gateway.registry.json_schema import SCHEMA_FILE, registry_schema, schema_text

ROOT = Path(__file__).parent.parent.parent
VALIDATOR = jsonschema.Draft202012Validator(registry_schema())


def data(text: str) -> Any:
    """Return the registry as plain data."""
    return parse(text.encode(), "registry.yaml").root.plain


def test_the_committed_schema_is_the_generated_one() -> None:
    """After a change of the table of keys: python -m gateway.registry.json_schema."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema() -> None:
    """Draft 2020-12 itself accepts it."""
    jsonschema.Draft202012Validator.check_schema(registry_schema())


def test_the_registry_of_this_repository_is_valid() -> None:
    """Editors show no fault in our own file."""
    path = ROOT / "registry.yaml"
    if not path.exists():
        pytest.skip("there is no registry.yaml yet")
    VALIDATOR.validate(read(path).root.plain)


def test_a_full_entry_is_valid() -> None:
    """Every kind of key passes in its documented form."""
    VALIDATOR.validate(
        data(
            """\
version: 1
defaults: {timeout_s: 2}
server: {cors: ['*'], max_body_size: 32MiB, memory_budget: 1000}
routes:
  /a: models/a.onnx
  /b/c:
    artifact: b.ubj
    aliases: [/katana-ml/api/v1.0/b]
    inputs:
      g: {type: number, minimum: 0, missing: 0, examples: [1], aliases: [G], default: null}
      h:
    outputs: {labels: [no, yes], positive: yes, threshold: 0.5, decimals: 3}
    response: {ans: $label}
    id: {field: [ID, id]}
"""
        )
    )


@pytest.mark.parametrize(
    "entry",
    [
        "/x: 5",
        "/x: {}",
        "/x: {artifact: a, artfact: b}",
        "/x: {artifact: a, traffic: {}}",
        "/x: {artifact: a, compile: maybe}",
        "/x: {artifact: a, timeout_s: 0}",
        "/x: {artifact: a, sha256: abc}",
        "/x: {artifact: a, inputs: {_a: {}}}",
        "/x: {artifact: a, inputs: {a: {minimun: 1}}}",
        "/x: {artifact: a, name: My Model}",
        "/x: {artifact: a, aliases: [/health]}",
        "/health: a",
        "/x/schema: a",
        "x: a",
    ],
)
def test_faulty_entries_are_refused(entry: str) -> None:
    """An editor underlines what gateway check would refuse."""
    assert not VALIDATOR.is_valid(data(f"version: 1\nroutes:\n  {entry}\n"))


@pytest.mark.parametrize("text", ["routes: {}", "version: 2\nroutes: {}", "version: 1", "version: 1\nroutes: {}\nx: 1"])
def test_faulty_top_levels_are_refused(text: str) -> None:
    """Version and routes are required, and nothing else is known."""
    assert not VALIDATOR.is_valid(data(text))
