"""Skip, with the reason, what needs a package that this environment was not asked for: `pip install .` brings no framework."""

import importlib.util
import re
from collections.abc import Generator
from pathlib import Path

import pytest

from gateway.loaders.table import EXTRA_OF, TABLE

#: Module -> what brings it: an extra of pyproject.toml, or its group `dev`.
BRINGS = {
    **EXTRA_OF,
    "threadpoolctl": "sklearn",
    "catboost": "catboost",
    "imblearn": "imbalanced",
    "onnx": "compile",
    "python_calamine": "excel",
    "pyarrow": "parquet",
    "mlflow": "mlflow",
    "sqlalchemy": "mlflow",
    "alembic": "mlflow",
    "skl2onnx": "dev",
    "onnxmltools": "dev",
    "uv": "environments",
    "jwt": "jwt",
    "xlsxwriter": "dev",
    "schemathesis": "dev",
    "playwright": "dev",
    "shap": "dev",
    "tqdm": "dev",
    "matplotlib": "dev",
}
ABSENT = {name: extra for name, extra in BRINGS.items() if importlib.util.find_spec(name) is None}
_PM2 = Path(__file__).resolve().parent.parent / "node_modules" / ".bin" / "pm2"
#: Ending of an artifact -> what reads it.
_ARTIFACTS = {suffix: row.modules[0] for row in TABLE.values() if row.modules for suffix in row.shown}


#: The Python of `make train`.
TRAINING = Path(__file__).resolve().parent.parent / ".venv-train" / "bin" / "python"
needs_training = pytest.mark.skipif(
    not (TRAINING.parents[1] / ".ready").exists(), reason="training is not installed here (make train, make mlflow)"
)


#: The Python of the nodes of a cluster.
CLUSTER = Path(__file__).resolve().parent.parent / ".venv-ray" / "bin" / "python"
needs_cluster = pytest.mark.skipif(
    not (CLUSTER.parents[1] / ".ready").exists(), reason="Ray is not installed here (make cluster)"
)


def lacking_in(text: str) -> str | None:
    """Say which package the text of a failure is about, if it is one that is absent here; None for every other text."""
    if str(_PM2) in text and not _PM2.exists():
        return "PM2 is not installed here (make setup)"
    for module, extra in re.findall(r"(?:No module named|needs the package) '(\w+)|multi-model-gateway\[(\w+)\]", text):
        for name, brought_by in ABSENT.items():
            if name == module or brought_by == extra:
                return f"{name} is not installed here ({brought_by})"
    return None


def lacking_for(registry: str) -> str | None:
    """Say which package the artifacts of a registry need that is absent here."""
    for suffix, name in _ARTIFACTS.items():
        if name in ABSENT and re.search(rf"\{suffix}\b", registry):
            return f"{name} is not installed here ({ABSENT[name]})"
    return None


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark what needs modules that its own code does not import, such as the reader of a file that it hands over."""
    absent = [f"{name} ({ABSENT[name]})" for name in names if name in ABSENT]
    return pytest.mark.skipif(bool(absent), reason=f"not installed here: {', '.join(absent)}")


class Skipping:
    """Turn failures that tell of an absent package into skips."""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Skip a file, or a folder by its conftest.py, that imports what is absent."""
        report = yield
        if report.failed and (why := lacking_in(report.longreprtext)):
            report.outcome = "skipped"
            report.longrepr = (report.nodeid, 0, f"Skipped: {why}")
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Skip a test that comes upon what is absent."""
        report = yield
        if report.failed and (why := lacking_in(report.longreprtext)):
            report.outcome = "skipped"
            report.longrepr = (report.location[0], report.location[1] or 0, f"Skipped: {why}")
        return report
