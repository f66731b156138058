"""
Finds the versions that wrote an artifact, and whether they are proven to answer alike here, in one measured table.

`proven.json` holds, for the locked version of a library, each class with the versions whose own artifacts and answers
it was compared with (scripts/foreign). Where another version is installed nothing is proven. Knows no policy.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from warnings import WarningMessage

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from gateway.loaders.admission.pickle_stream import opened
from gateway.loaders.base import Skew
from gateway.loaders.table import IN_PICKLES
from gateway.system.installed_packages import versions_of

#: Their classes hold a file of a format that says its version itself.
_TELL_THEMSELVES: Final = frozenset({"catboost", "lightgbm"})
#: Root module -> distributions that hold it, and the name that people know.
LIBRARIES: Final = {module: row.distributions for module, row in IN_PICKLES.items() if module not in _TELL_THEMSELVES}
#: Root modules whose classes are as old as scikit-learn's.
OF_SKLEARN: Final = ("sklearn", "imblearn")
#: An estimator that does not say its version was written before scikit-learn 0.18, or by hand.
UNKNOWN: Final = "unknown"

#: Parameters that decide how a class predicts: it is proven with the values that were compared, and with no others.
OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "AdaBoostClassifier": ("algorithm",),
    "CalibratedClassifierCV": ("method", "ensemble"),
    "ColumnTransformer": ("remainder",),
    "GaussianProcessRegressor": ("normalize_y",),
    "GradientBoostingClassifier": ("loss", "init"),
    "GradientBoostingRegressor": ("loss", "init"),
    "HistGradientBoostingClassifier": ("loss",),
    "HistGradientBoostingRegressor": ("loss",),
    "KBinsDiscretizer": ("encode",),
    "KNeighborsClassifier": ("algorithm", "weights", "metric"),
    "KNeighborsRegressor": ("algorithm", "weights", "metric"),
    "LinearDiscriminantAnalysis": ("solver",),
    "LogisticRegression": ("multi_class", "solver", "classes_"),
    "LogisticRegressionCV": ("multi_class", "solver", "classes_"),
    "MLPClassifier": ("activation",),
    "MLPRegressor": ("activation",),
    "NuSVC": ("kernel", "probability", "break_ties"),
    "OneHotEncoder": ("handle_unknown", "drop"),
    "OrdinalEncoder": ("handle_unknown",),
    "PCA": ("whiten",),
    "PowerTransformer": ("method",),
    "QuantileTransformer": ("output_distribution",),
    "SGDClassifier": ("loss",),
    "SVC": ("kernel", "probability", "break_ties"),
    "SimpleImputer": ("strategy", "add_indicator"),
    "TfidfTransformer": ("norm", "use_idf", "sublinear_tf"),
    "TfidfVectorizer": ("norm", "use_idf", "sublinear_tf"),
}
#: Solvers that told classes apart one by one where the others of their time did not, whatever `multi_class` says.
_OWN_SOLVERS: Final = ("liblinear", "newton-cholesky")
#: More classes than two are one case: what differs between versions is how two are told apart.
_MANY: Final = 3

_TABLE: Final = Path(__file__).with_name("proven.json")
#: How XGBoost writes its version into the model inside a pickle: JSON, and UBJSON since 1.6.
_BOOSTER_VERSION: Final = (
    re.compile(rb'"version":\[(\d+),(\d+),(\d+)\]'),
    re.compile(rb"version\[#L\x00{7}\x03i(.)i(.)i(.)", re.DOTALL),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Name one class of a library in an artifact, as the table does, and the version that wrote it."""

    package: str
    name: str
    version: str


#: Class of an estimator -> the versions of scikit-learn that its instances say they were written by.
Told = Mapping[str, frozenset[str]]


def told_by(caught: Sequence[WarningMessage]) -> Told:
    """Return what estimators said of their versions while they were read; what the installed one wrote is silent."""
    found: dict[str, frozenset[str]] = {}
    for entry in caught:
        if isinstance(entry.message, InconsistentVersionWarning):
            name, version = entry.message.estimator_name, str(entry.message.original_sklearn_version)
            known = UNKNOWN if version.startswith("pre-") else version
            found[name] = found.get(name, frozenset()) | {known}
    return found


def parts_of(root: Any, told: Told, booster: str = UNKNOWN) -> frozenset[Part]:
    """Return the library classes of a loaded artifact; a part that is no estimator is as old as what holds it."""
    return frozenset(_parts(root, told, booster))


def _parts(root: Any, told: Told, booster: str) -> Iterator[Part]:
    here = frozenset({installed("sklearn")})
    seen: dict[int, Any] = {}
    stack: list[tuple[Any, frozenset[str]]] = [(root, here)]
    while stack:
        found, versions = stack.pop()
        if id(found) in seen or isinstance(found, str | bytes | int | float | type | None):
            continue
        seen[id(found)] = found  # and keeps it: the id of a list that was made on the way would be used again
        kind = type(found)
        library = kind.__module__.partition(".")[0]
        if library in OF_SKLEARN:
            versions = versions_of_part(found, told, versions, here)
            yield from (Part("sklearn", class_name(found), version) for version in versions)
        elif library in LIBRARIES:
            yield Part(library, class_name(found), booster)
        stack.extend((member, versions) for member in _members(found))


def versions_of_part(
    found: Any, told: Told, owner: frozenset[str], here: frozenset[str] = frozenset()
) -> frozenset[str]:
    """
    Return which versions wrote one part of an artifact: one that is no estimator is as old as its owner.

    So is one that tells none inside of one that does: every estimator tells its version, but what was none then.
    """
    if not isinstance(found, BaseEstimator):
        return owner
    known = told.get(type(found).__name__, here)
    if type(found).__module__.startswith("imblearn."):
        # Its releases go with those of scikit-learn, and its classes tell no version.
        return frozenset().union(*told.values()) or here
    return owner if known == {UNKNOWN} and owner != here else known


def _members(found: Any) -> Collection[Any]:
    """Return what an object holds: attributes, items or cells."""
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, list | tuple | set | frozenset):
        return found
    if isinstance(found, np.ndarray):
        return found.ravel().tolist() if found.dtype == object else ()
    return list(getattr(found, "__dict__", {}).values())


def class_name(found: Any) -> str:
    """Return `module.Class`, with the values of the parameters that decide how it predicts."""
    kind = type(found)
    options = OPTIONS.get(kind.__name__, ())
    told = ", ".join(f"{name}={_shown(vars(found).get(name, '-'), name)}" for name in options)
    return f"{kind.__module__}.{kind.__qualname__}" + (f"({told})" if told else "")


def _shown(value: Any, name: str) -> str:
    if name == "classes_":
        return f"{min(np.size(value), _MANY)}"
    if name == "solver":
        return value if value in _OWN_SOLVERS else "other"
    return str(value) if isinstance(value, str | bool | None) else type(value).__name__


def minor(version: str) -> str:
    """Return `1.3` of `1.3.2`."""
    return ".".join(version.split(".")[:2])


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_TABLE.read_text())
    return found


def installed(library: str) -> str:
    """Return the installed version of a library; "" where there is none."""
    return next(iter(versions_of(LIBRARIES[library]).values()), "")


def is_proven(part: Part) -> bool:
    """Say whether this class, written by that version, was compared with its own answers under the installed one."""
    here = minor(installed(part.package))
    if part.version != UNKNOWN and minor(part.version) == here:
        return True
    rows = _table().get(part.package, {})
    return bool(rows.get("installed") == here and minor(part.version) in rows["classes"].get(part.name, ()))


def written_parts(root: Any, told: Told, path: Path) -> frozenset[Part]:
    """Return the library classes of what was read from a pickle or skops file, before it is repaired."""
    parts = parts_of(root, told)
    if any(part.package == "xgboost" for part in parts):
        parts = parts_of(root, told, booster_version(path))
    return parts


def skew_of(parts: frozenset[Part]) -> Skew | None:
    """Return which other versions wrote the parts of an artifact, and what of it is not proven; None: none did."""
    other = [part for part in parts if part.version == UNKNOWN or part.version != installed(part.package)]
    if not other:
        return None
    unproven = [part for part in other if not is_proven(part)]
    return Skew(
        written=_versions(other),
        unproven=_versions(unproven),
        classes=tuple(sorted({part.name for part in unproven})),
    )


def _versions(parts: list[Part]) -> tuple[str, ...]:
    names = {(LIBRARIES[part.package][0], part.version) for part in parts}
    return tuple(f"{library} {version}" for library, version in sorted(names))


def booster_version(path: Path) -> str:
    """Return the XGBoost version that wrote the model inside a pickle or joblib file; UNKNOWN where it does not say."""
    with opened(path) as stream:
        data = stream.read()
    found = {".".join(map(_number, match)) for pattern in _BOOSTER_VERSION for match in pattern.findall(data)}
    return found.pop() if len(found) == 1 else UNKNOWN


def _number(text: bytes) -> str:
    return text.decode() if text.isdigit() else str(text[0])
