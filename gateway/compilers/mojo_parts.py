"""
The models inside a MOJO as plain numbers: trees to sum, and linear terms per level and per number.

Runs while preparing; reads files, no Java. A stacked ensemble is its base models and the GLM above them; everything
that is not known to score as written here is declined.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined
from gateway.compilers.mojo_trees import MojoTree, read_tree
from gateway.estimators.mojo_glm import Linear, UnknownGlm, read_glm, read_weights
from gateway.runtimes.mojo_answers import MojoLinkName

Numbers = npt.NDArray[np.float64]


@dataclass(slots=True)
class Part:
    """
    Hold one model: the sums that it starts from, and what becomes of them.

    `trees` has a list per sum, `start` what is added to each, `divide` what they are divided by, `link` the name of
    the function that makes answers of them. `columns` are the columns of the whole MOJO, in the part's order.
    """

    category: str
    link: MojoLinkName
    columns: list[int]
    trees: list[list[MojoTree]] = field(default_factory=list)
    linear: Linear | None = None
    start: float = 0.0
    divide: float = 1.0


@dataclass(slots=True)
class Stack:
    """Hold a metalearner: `weights` (answers of the base models one after the other, sums)."""

    weights: Numbers
    intercepts: Numbers
    link: MojoLinkName
    logit: bool


@dataclass(slots=True)
class Parts:
    """Hold the models of a MOJO; without a `stack` there is one."""

    models: list[Part]
    stack: Stack | None = None


def read_parts(archive: Any, columns: Sequence[str], levels: Sequence[int]) -> Parts:
    """
    Return the models of a MOJO; raises Declined for what is not known to be scored exactly.

    `archive` is a MojoArchive, `columns` are the features of the whole, `levels` the number of levels of each (0 for
    a number).
    """
    reader = _Reader(archive, list(columns), list(levels))
    info, _ = archive.sections("")
    if info["algo"] != "stackedensemble":
        return Parts([reader.model("")])
    return reader.ensemble(info)


class _Reader:
    def __init__(self, archive: Any, columns: list[str], levels: list[int]) -> None:
        self._archive = archive
        self._columns = columns
        self._levels = levels

    def ensemble(self, info: Mapping[str, str]) -> Parts:
        folders = {
            value: info[key.replace("_key_", "_dir_")] for key, value in info.items() if key.startswith("submodel_key_")
        }
        names = [info.get(f"base_model{number}") for number in range(int(info["base_models_num"]))]
        transform = info.get("metalearner_transform", "NONE")
        if transform not in {"NONE", "Logit"}:
            raise Declined(f"the metalearner's transform {transform} is not known")
        meta, _ = self._archive.sections(folders[info["metalearner"]])
        if meta["algo"] != "glm" or int(meta["cats"]):
            raise Declined(f"a metalearner of the kind {meta['algo']} is not compiled")
        try:
            weights = read_weights(meta)
        except UnknownGlm as reason:
            raise Declined(f"{reason} above others is not compiled") from reason
        each = weights.shape[1] if info["category"] == "Multinomial" else 1
        if len(weights) != len(names) * each + 1:
            raise Declined(f"the metalearner has {len(weights)} weights for {len(names)} models")
        answers = np.arange(len(names) * each).reshape(len(names), each)
        # A model that the metalearner does not use is not in the file.
        used = [at for at, name in enumerate(names) if name is not None and np.any(weights[answers[at]])]
        if any(np.any(weights[answers[at]]) for at, name in enumerate(names) if name is None):
            raise Declined("the metalearner uses a model that is not in the file")
        models = [self.model(folders[str(names[at])]) for at in used]
        stack = Stack(weights[answers[used].ravel()], weights[-1], _glm_link(meta), transform == "Logit")
        return Parts(models, stack)

    def model(self, folder: str) -> Part:
        info, names = self._archive.sections(folder)
        algorithm, category = info["algo"], info["category"]
        _refuse_extras(info)
        count = int(info["n_features"])
        try:
            columns = [self._columns.index(name) for name in names[:count]]
        except ValueError as error:
            raise Declined(f"a model inside asks for another column: {error}") from error
        if algorithm == "glm":
            return self._glm(info, category, columns)
        if algorithm in {"gbm", "drf"}:
            return self._forest(folder, info, category, columns)
        raise Declined(f"the algorithm {info.get('algorithm', algorithm)} is scored by H2O's own classes")

    def _forest(self, folder: str, info: Mapping[str, str], category: str, columns: list[int]) -> Part:
        if not "1.2" <= info["mojo_version"] < "1.5":
            raise Declined(f"trees of the MOJO version {info['mojo_version']} are not known")
        if info.get("_genmodel_encoding", "AUTO") not in {"AUTO", "Enum", "SortByResponse"}:
            raise Declined(f"the encoding {info['_genmodel_encoding']} of levels is not compiled")
        groups, sums = int(info["n_trees"]), int(info["n_trees_per_class"])
        trees: list[list[MojoTree]] = [[] for _ in range(sums)]
        for group in range(groups):
            for number in range(sums):
                name = f"{folder}trees/t{number:02d}_{group:03d}.bin"
                if self._archive.has(name):
                    trees[number].append(read_tree(self._archive.read(name)))
        part = Part(category, "identity", columns, trees)
        if info["algo"] == "drf":
            self._finish_drf(part, groups, sums)
        else:
            _finish_gbm(part, info, sums)
        return part

    def _finish_drf(self, part: Part, groups: int, sums: int) -> None:
        if part.category == "Multinomial" or sums > 1:
            part.link = "normalized"
            return
        part.divide = float(groups)
        part.link = "complement" if part.category == "Binomial" else "identity"

    def _glm(self, info: Mapping[str, str], category: str, columns: list[int]) -> Part:
        try:
            linear = read_glm(info, columns, self._levels)
        except UnknownGlm as reason:
            raise Declined(f"{reason} is not compiled") from reason
        return Part(category, _glm_link(info), columns, linear=linear)


def _refuse_extras(info: Mapping[str, str]) -> None:
    """Decline what changes scores in a way that is not repeated here."""
    if info.get("balance_classes") == "true":
        raise Declined("probabilities that are corrected for balanced classes are not compiled")
    for key, value in info.items():
        if value not in {"", "null", "false", "[]"} and (
            key.startswith(("calib", "interaction")) or key in {"offset_column", "binomial_double_trees"}
        ):
            raise Declined(f"a model with {key} is not compiled")


_GBM_LINKS: dict[str, MojoLinkName] = {
    "bernoulli": "expit", "quasibinomial": "expit", "modified_huber": "expit", "multinomial": "softmax",
    "gaussian": "identity", "laplace": "identity", "huber": "identity", "quantile": "identity",
    "poisson": "exp", "gamma": "exp", "tweedie": "exp",
}  # fmt: skip


def _finish_gbm(part: Part, info: Mapping[str, str], sums: int) -> None:
    family = info["distribution"]
    if family not in _GBM_LINKS or (part.category == "Binomial" and sums > 1):
        raise Declined(f"a GBM of the distribution {family} is not compiled")
    part.link = _GBM_LINKS[family]
    part.start = float(info["init_f"])


_GLM_LINKS: dict[str, MojoLinkName] = {
    "identity": "identity",
    "logit": "expit",
    "log": "exp",
    "inverse": "inverse",
    "multinomial": "softmax",
}


def _glm_link(info: Mapping[str, str]) -> MojoLinkName:
    link = info["link"]
    if link not in _GLM_LINKS:
        raise Declined(f"a GLM with the link {link} is not compiled")
    return _GLM_LINKS[link]
