"""Plain YAML with bounds, as MLmodel is read. A module of its own: who meets no MLflow model imports no YAML."""

from typing import Any, Final

import yaml

_DEEPEST: Final = 32
_MOST_PARTS: Final = 5_000
_MOST_DIGITS: Final = 100
_MERGE: Final = "tag:yaml.org,2002:merge"


class _Bounded(yaml.SafeLoader):
    """Read plain YAML that is neither deep nor has many parts: both cost seconds."""

    _depth = _parts = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node."""
        self._depth += 1
        self._parts += 1
        if self._depth > _DEEPEST or self._parts > _MOST_PARTS:
            raise yaml.YAMLError("it is nested too deeply, or has too many parts")
        found = super().compose_node(parent, index)
        self._depth -= 1
        return found

    def flatten_mapping(self, node: Any) -> None:
        """Refuse merged mappings, which MLflow never writes: each line may have nine times the members of the last."""
        if any(key.tag == _MERGE for key, _ in node.value):
            raise yaml.YAMLError("it merges mappings (`<<`)")
        super().flatten_mapping(node)

    def construct_yaml_int(self, node: Any) -> Any:
        """Refuse numbers of thousands of digits, which Python itself does not print."""
        if len(node.value) > _MOST_DIGITS:
            raise yaml.YAMLError(f"it holds a number of more than {_MOST_DIGITS} digits")
        return super().construct_yaml_int(node)


_Bounded.add_constructor("tag:yaml.org,2002:int", _Bounded.construct_yaml_int)


def parsed(text: bytes) -> Any:
    """Return what a YAML document says; raises ValueError with the reason."""
    try:
        return yaml.load(text, _Bounded)  # noqa: S506 - it is the safe one, with bounds
    except yaml.YAMLError as error:
        raise ValueError(getattr(error, "problem", None) or str(error)) from error
