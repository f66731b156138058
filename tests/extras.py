"""Skip, with the reason, what needs a package that this environment was not asked for: `pip install .` brings no framework."""

import importlib.util
import re

#: Module -> what brings it: an extra of pyproject.toml, or its group `dev`.
BRINGS = {
    "sklearn": "sklearn",
    "skops": "sklearn",
    "joblib": "sklearn",
    "pandas": "sklearn",
    "scipy": "sklearn",
    "threadpoolctl": "sklearn",
    "xgboost": "xgboost",
    "h2o": "h2o",
    "jpype": "h2o",
    "onnxruntime": "onnx",
    "onnx": "compile",
    "python_calamine": "excel",
    "pyarrow": "parquet",
    "skl2onnx": "dev",
    "onnxmltools": "dev",
    "xlsxwriter": "dev",
    "schemathesis": "dev",
}
ABSENT = {name: extra for name, extra in BRINGS.items() if importlib.util.find_spec(name) is None}
#: Ending of an artifact -> what reads it.
_ARTIFACTS = {
    ".skops": "sklearn",
    ".joblib": "joblib",
    ".pkl": "sklearn",
    ".ubj": "xgboost",
    ".zip": "jpype",
    ".onnx": "onnxruntime",
}


def lacking_in(text: str) -> str | None:
    """Say which package the text of a failure is about, if it is one that is absent here; None for every other text."""
    for module, extra in re.findall(r"No module named '(\w+)|multi-model-gateway\[(\w+)\]", text):
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
