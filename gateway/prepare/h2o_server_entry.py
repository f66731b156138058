"""
How the process of the H2O server is started that answers for a binary model: which jar, which Java, how much memory.

Runs in the parent, like the rest of the cache key. One process serves all models of one jar and one size.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from gateway.artifacts.manifest import StoredArtifact
from gateway.artifacts.remote import ChildSpec
from gateway.environments.environment import digest
from gateway.errors import LoadError
from gateway.h2o_server.binary_model import find_model, read_version
from gateway.registry.spec import RouteSpec
from gateway.system.gateway_code import source_digest

#: Packages whose code is that of the process.
_CODE: Final = ("child", "h2o_server")
_INSTALLED: Final = "h2o/backend/bin/h2o.jar"


def child_of(spec: RouteSpec, stored: StoredArtifact, cache_dir: Path) -> ChildSpec:
    """Return how the process is started; raises ArtifactError for no binary model, LoadError without jar or Java."""
    version = read_version(find_model(Path(stored.path)))
    jar, java = jar_of(spec, version), find_java()
    size = jar.stat()
    memory = spec.executor.memory
    artifacts = cache_dir / "artifacts"
    decides = [str(jar), size.st_size, size.st_mtime_ns, java, memory, str(artifacts), source_digest(_CODE)]
    words = ("--jar", str(jar), "--java", java, "--memory", str(memory), "--artifacts", str(artifacts))
    return ChildSpec(
        name=digest(decides),
        # Isolated, so that no variable and no folder decides what is imported.
        argv=(sys.executable, "-I", "-m", "gateway.h2o_server", *words, "--socket", "{socket}"),
        environ={"LANG": "C.UTF-8", "PATH": os.defpath, "HOME": str(cache_dir)},
        working_folder=str(cache_dir),
    )


def jar_of(spec: RouteSpec, version: str) -> Path:
    """Return the jar of the H2O server of a route; raises LoadError."""
    if spec.executor.jar is not None:
        jar = Path(spec.base) / spec.executor.jar
        if jar.is_file():
            return jar
        raise LoadError(
            f"executor.jar: there is no file {jar}",
            code="h2o-jar-missing",
            hint=f"name the h2o.jar of H2O {version}, which wrote the model; the package h2o holds one",
        )
    found = importlib.util.find_spec("h2o")  # located, not imported: the client costs 48 MB
    jar = Path(found.origin).parents[1] / _INSTALLED if found is not None and found.origin else Path()
    if jar.is_file():
        return jar
    raise LoadError(
        f"a model of H2O {version} needs its server, and no package h2o is installed here",
        code="h2o-jar-missing",
        hint="name its jar, which the package h2o of that release holds: executor: {kind: h2o_server, jar: h2o.jar}",
    )


def find_java() -> str:
    """Return the command that runs Java; raises LoadError."""
    home = os.environ.get("JAVA_HOME")
    beside = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = beside or shutil.which("java")
    if found is not None:
        return found
    raise LoadError(
        "an H2O server needs Java, and there is no command `java` here",
        code="missing-java",
        hint="install a Java runtime (17 or later), or set JAVA_HOME",
    )
