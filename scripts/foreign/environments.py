"""
Build a virtualenv for each old version and let it write its archive.

    python -m foreign.environments FOLDER [VERSION...]        (in scripts/)

Needs the Pythons named below (pyenv's, or on PATH) and a package index that still has their wheels; uses uv where it is
installed, which is ten times as fast as pip.
"""

import argparse
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from foreign.archives import FOLDER

OLD = Path(__file__).parent / "old"


@dataclass(frozen=True, slots=True)
class Environment:
    """Name a Python and the wheels that were current together."""

    python: str
    scikit_learn: str
    xgboost: str
    more: tuple[str, ...] = ()


#: XGBoost 1.3 to 1.7 ask for pkg_resources, which later setuptools do not have.
_RESOURCES = "setuptools<70"
_SKOPS = ("skops",)
_NUMPY_1 = ("numpy<2", "skops", _RESOURCES)

ENVIRONMENTS = {
    "0.20": Environment("3.6", "0.20.4", "0.82"),
    "0.21": Environment("3.6", "0.21.3", "0.90"),
    "0.22": Environment("3.7", "0.22.2.post1", "1.0.2"),
    "0.23": Environment("3.7", "0.23.2", "1.1.1"),
    "0.24": Environment("3.8", "0.24.2", "1.2.1"),
    "1.0": Environment("3.8", "1.0.2", "1.3.3", _NUMPY_1),
    "1.1": Environment("3.9", "1.1.3", "1.4.2", _NUMPY_1),
    "1.2": Environment("3.9", "1.2.2", "1.5.2", _NUMPY_1),
    "1.3": Environment("3.10", "1.3.2", "1.6.2", _NUMPY_1),
    "1.4": Environment("3.10", "1.4.2", "1.7.6", _NUMPY_1),
    "1.5": Environment("3.11", "1.5.2", "2.0.3", (*_SKOPS, _RESOURCES)),
    "1.6": Environment("3.11", "1.6.1", "2.1.4", _SKOPS),
    "1.7": Environment("3.11", "1.7.2", "3.0.5", _SKOPS),
    "1.8": Environment("3.11", "1.8.0", "3.1.2", _SKOPS),
}


#: Sets of other libraries: Python, the wheels, and what write.py is told. XGBoost comes without its GPU libraries.
OTHERS = {
    "xgboost-3.4": ("3.12", ("scikit-learn", "skops", "pandas", "joblib"), "xgboost", "xgboost==3.4.*"),
    "lightgbm-3.3": ("3.9", ("lightgbm==3.3.5", "scikit-learn==1.2.2", "numpy<2", "pandas", "joblib"), "lightgbm", ""),
    "lightgbm-4.0": ("3.10", ("lightgbm==4.0.0", "scikit-learn==1.3.2", "numpy<2", "pandas", "joblib"), "lightgbm", ""),
    "lightgbm-4.3": ("3.10", ("lightgbm==4.3.0", "scikit-learn==1.4.2", "numpy<2", "pandas", "joblib"), "lightgbm", ""),
    "lightgbm-4.6": ("3.11", ("lightgbm==4.6.0", "scikit-learn==1.6.1", "pandas", "joblib"), "lightgbm", ""),
    "catboost-1.0": ("3.9", ("catboost==1.0.6", "scikit-learn==1.1.3", "numpy<1.24", "pandas<2"), "catboost", ""),
    "catboost-1.1": ("3.9", ("catboost==1.1.1", "scikit-learn==1.2.2", "numpy<1.24", "pandas<2"), "catboost", ""),
    "catboost-1.2": ("3.10", ("catboost==1.2.2", "scikit-learn==1.4.2", "numpy<2", "pandas<3"), "catboost", ""),
    "imbalanced-0.11": (
        "3.10", ("imbalanced-learn==0.11.0", "scikit-learn==1.3.2", "numpy<2", "pandas<3"), "imblearn", "",
    ),
    "imbalanced-0.13": ("3.11", ("imbalanced-learn==0.13.0", "scikit-learn==1.6.1", "pandas"), "imblearn", ""),
}  # fmt: skip


def build(folder: Path, environment: Environment) -> Path:
    """Return the interpreter of a virtualenv with these wheels, made where it is not there yet."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([find_python(environment.python), "-m", "venv", str(folder)], check=True)
    wheels = [f"scikit-learn=={environment.scikit_learn}", "joblib", "pandas", *environment.more]
    install(python, wheels)
    # Alone: its GPU libraries are hundreds of megabytes that no prediction on a CPU needs.
    install(python, ["--no-deps", f"xgboost=={environment.xgboost}"])
    return python


def install(python: Path, arguments: list[str]) -> None:
    """Install wheels, never sources: those of old versions do not build any more."""
    uv = shutil.which("uv")
    command = [uv, "pip", "install", "-q", "-p", str(python)] if uv else [str(python), "-m", "pip", "install", "-q"]
    if uv is None:
        subprocess.run([*command, "-U", "pip"], check=True)
    subprocess.run([*command, "--only-binary", ":all:", *arguments], check=True)


def find_python(version: str) -> str:
    """Return the path of a Python of this minor version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in sorted(pyenv.glob(f"{version}.*/bin/python")):
        return str(path)
    found = shutil.which(f"python{version}")
    if found is None:
        raise SystemExit(f"Python {version} is not here: pyenv install {version}")
    return found


def main() -> None:
    """Build the environments that are asked for, all without arguments, and write their archives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the virtualenvs lie")
    parser.add_argument("versions", nargs="*", default=[*ENVIRONMENTS, *OTHERS], help="default: all")
    arguments = parser.parse_args()
    for version in arguments.versions:
        if version in OTHERS:
            write_other(arguments.folder / version, version)
            continue
        python = build(arguments.folder / version, ENVIRONMENTS[version])
        target = FOLDER / f"sklearn-{version}.tar.xz"
        write(python, target)


def write_other(folder: Path, name: str) -> None:
    """Build the environment of a set of another library, and let it write its archive."""
    version, wheels, families, alone = OTHERS[name]
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([find_python(version), "-m", "venv", str(folder)], check=True)
    install(python, list(wheels))
    if alone:
        install(python, ["--no-deps", alone])
    write(python, FOLDER / f"{name}.tar.xz", families)


def write(python: Path, target: Path, *families: str) -> None:
    """Let an old environment write its archive with one thread."""
    single = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([str(python), str(OLD / "write.py"), str(target), *families], check=True, env=single)


if __name__ == "__main__":
    main()
