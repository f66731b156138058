"""Reading and checking of a registry file: the way of everybody who needs one."""

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
