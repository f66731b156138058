"""What is served: the five models, the corners of the registry, a server that is loose, a route that will be closed."""

import json
from pathlib import Path
from typing import Any, Final

CODE: Final = '''
import os


def greet(name: str, times: int = 1) -> str:
    return ", ".join([f"hello {name}"] * times)


def total(a: float, b: float = 0.5) -> float:
    return a + b


def constant() -> dict:
    return {"answer": 42, "list": [1, None, "x"]}


def boom(x: float) -> float:
    """Kill the process when asked to."""
    if x > 5:
        os.kill(os.getpid(), 11)
    return x


class Model:
    """Hold a state of its own."""

    def __init__(self) -> None:
        self.factor = 3

    def predict(self, x: float, is_odd: bool = False) -> dict:
        return {"product": self.factor * x, "is_odd": is_odd}
'''

#: Each stub stands there so many times, with unlike checksums: routes of one registry share no model.
COPIES: Final = 5
_CLASSES: Final = {"kind": "classification", "labels": ["no", "yes", "so so"], "probabilities": True}
#: File name -> what the stub loader answers.
STUBS: Final[dict[str, dict[str, Any]]] = {
    "sum": {"inputs": ["a", "b"]},
    "one": {"inputs": ["a"]},
    "text": {"inputs": [{"name": "text", "type": "string"}], "output": {"kind": "json"}},
    "label": {"inputs": ["a", {"name": "colour", "type": "string", "enum": ["red", "green"]}], "output": _CLASSES},
    "yes": {"inputs": ["a"], "output": _CLASSES, "answer": "yes"},
    "echo": {
        "inputs": [
            "number",
            {"name": "count", "type": "integer"},
            {"name": "text", "type": "string"},
            {"name": "flag", "type": "boolean"},
            {"name": "level", "type": "string", "enum": ["low", "high"]},
            {"name": "gap", "nullable": True, "required": False},
        ],
        "output": {"kind": "json"},
    },
    "two": {"inputs": ["a"], "output": {"kind": "multi_output", "names": ["u", "v"]}, "answer": [1.25, -3]},
    "tags": {"inputs": ["a"], "output": {"kind": "multi_label", "names": ["u", "v"]}, "answer": [1, 0]},
    "few": {"inputs": ["a"], "answer": 4},
    "lazy": {"inputs": ["a"], "answer": 5},
    "deep": {"inputs": ["a"], "answer": 6},
    "odd": {"inputs": ["a"], "answer": 7},
    "slow": {"inputs": ["a"], "sleep_s": 1.5},
    "held": {"inputs": ["a"], "sleep_s": 0.6},
    "raises": {"inputs": ["a"], "raise": "the secret of the model"},
    "broken": {"inputs": ["a"], "load_raise": "does not load"},
}

_ECHO: Final = """
    artifact: echo.stub
    inputs:
      number: {minimum: -10, exclusiveMaximum: 100, aliases: [Number, n], unit: kg, examples: [1.5]}
      count: {minimum: 0, maximum: 50, default: 7}
      text: {minLength: 2, maxLength: 12, pattern: "^[a-zà-ü ]+$", examples: [some text]}
      flag: {default: false}
      level: {unknown: missing, nullable: true, missing: ["n/a", ""]}
"""

CORNERS: Final = f"""
version: 1
server: {{cors: ["https://app.example"], max_body_size: 300000}}
defaults: {{timeout_s: 4}}
routes:
  /sum: {{artifact: sum.stub, description: adds, outputs: {{decimals: 2, unit: EUR}}}}
  /text: text.stub
  /label: label.stub
  /two: two.stub
  /tags: tags.stub
  /echo:{_ECHO}
  /template:
    artifact: yes.stub
    version: "7"
    outputs: {{positive: "yes", threshold: 0.5, decimals: 1}}
    id: {{field: [ID, id]}}
    response:
      label: $label
      yes: $probability.yes
      odd: '$probability["so so"]'
      all: $probabilities
      inputs: $inputs
      a: $inputs.a
      model: $model
      version: $version
      row: $row_id
      cost: $$5
      deep: {{list: [1, $label, null]}}
  /spread: {{artifact: sum-2.stub, response: {{"*": $inputs, sum: $value}}}}
  /bare: {{artifact: sum-3.stub, response: $value}}
  /request-id: {{artifact: one.stub, response: {{id: $request_id, value: $value}}}}
  /listed: {{artifact: sum-4.stub, batch: list}}
  /by-id: {{artifact: sum-5.stub, batch: by_id, id: {{field: [ID, id]}}}}
  /few: {{artifact: few.stub, max_rows: 3}}
  /late: {{artifact: slow.stub, timeout_s: 0.2, max_concurrency: 64}}
  /held: {{artifact: held.stub, max_concurrency: 1, max_queue: 0}}
  /raises: raises.stub
  /broken: broken.stub
  /gone: nothing.stub
  /lazy: {{artifact: lazy.stub, load: lazy}}
  /lazy-broken: {{artifact: broken-2.stub, load: lazy}}
  /deep/path/of/names: {{artifact: deep.stub, name: deep-name, aliases: [/short, /an/alias]}}
  /a.b~c-d: {{artifact: odd.stub, name: odd}}
  /greet: code.py:greet
  /total: code.py:total
  /constant: code.py:constant
  /model: {{artifact: "code.py:Model", critical: true}}
"""

LOOSE: Final = f"""
version: 1
server: {{cors: "*", max_body_size: 20000, errors: redacted, strict: false, docs: false}}
routes:
  /sum: sum.stub
  /text: text.stub
  /label: label.stub
  /echo:{_ECHO}
  /by-id: {{artifact: sum-5.stub, batch: by_id, id: {{field: id}}}}
  /ping: one.stub
  /version: one-2.stub
"""

CLOSED: Final = """
version: 1
routes:
  /boom: code.py:boom
  /sum: sum.stub
"""


def lay_out(tree: Path, folder: Path) -> dict[str, Path]:
    """Write the registries, stubs and code; return server -> registry. The five models are those of the checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "code.py").write_text(CODE, encoding="utf-8")
    for name, script in STUBS.items():
        for copy in range(1, COPIES + 1):
            file = folder / (f"{name}.stub" if copy == 1 else f"{name}-{copy}.stub")
            file.write_text(json.dumps(script) + " " * copy, encoding="utf-8")
    registries = {"five": tree / "registry.yaml"}
    for name, text in (("corners", CORNERS), ("loose", LOOSE), ("closed", CLOSED)):
        registries[name] = folder / f"{name}.yaml"
        registries[name].write_text(text, encoding="utf-8")
    return registries
