"""
Parser of `registry.yaml`: returns a frozen RegistrySpec, or reports every fault of the file at once.

The annotated fields of `spec.py`, with `keys.py`, are the one source of parser, JSON Schema and documentation; a fault
has a position, a stable code, the expected value and a fix. `parse_recovery.py` blanks text that stops the YAML parser,
`nodes.py` keeps repeated keys apart, and later readers check the rest. Knows no framework; only `files.py` looks at
artifacts.
"""

from pathlib import Path

from gateway.registry.document import read
from gateway.registry.parse import parse_registry
from gateway.registry.spec import RegistrySpec


def load_registry(path: Path, *, files: bool = False, root_path: str = "") -> RegistrySpec:
    """
    Read and check a registry.

    Raises RegistryError whose `text` is the report. With `files`, absent or altered artifacts are faults as well;
    without, they are left to their routes, which answer 503 while all others serve. With `root_path`, the prefix of a
    reverse proxy, paths that cannot be told from others below it are faults.
    """
    return parse_registry(read(path), path.absolute().parent, files=files, root_path=root_path)


__all__ = ["RegistrySpec", "load_registry"]
