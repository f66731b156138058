"""
Lowers fitted scikit-learn estimators and pipelines: to a sum over columns where they are one, else to a matrix.

Runs while preparing. Knows the order of attempts, nothing about single steps or models.
"""

from typing import Any, ClassVar

from sklearn.pipeline import Pipeline

from gateway.compilers.base import Declined
from gateway.compilers.sklearn_additive import NotAdditive, lower_additive
from gateway.compilers.sklearn_front import Front, lower_front
from gateway.compilers.sklearn_heads import margins, probabilities, values
from gateway.compilers.sklearn_levels import Atom, Number, Word
from gateway.compilers.sklearn_matrix import lower_matrix
from gateway.compilers.sklearn_probes import probes, typical
from gateway.compilers.step_rows import step_rows
from gateway.runtimes.base import Draft
from gateway.schema import Output, Signature

#: Wrappers that hand their input on untouched, and where the fitted estimator is.
_WRAPPERS = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
}


class SklearnCompiler:
    """Compile what the tables of steps and heads know."""

    name: ClassVar[str] = "sklearn"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of an estimator."""
        signature: Signature = predictor.signature
        steps, model = _split(predictor.estimator)
        front = Front(_columns(predictor, signature))
        for step in steps:
            front = lower_front(step, front)
        if any(isinstance(atom, Word) for atom in front.atoms):
            raise Declined("a column of text reaches the model unencoded")
        head, answer = _head(model, signature.output)
        try:
            program = lower_additive(front, head, answer)
            rows = [step_rows(program, signature), *typical(front, signature)]
            return Draft(runtime="additive", program=program, signature=signature, rows=rows, uses=_uses(head))
        except NotAdditive as reason:
            if front.texts:
                raise Declined(f"text in front of {reason}") from reason
        program = lower_matrix(front, head, answer)
        return Draft(
            runtime="matrix",
            program=program,
            signature=signature,
            rows=[*probes(front, model, signature), *typical(front, signature)],
            uses=_uses(head),
        )


def _split(estimator: Any) -> tuple[list[Any], Any]:
    """Part an estimator into the steps in front and the model at the end."""
    steps: list[Any] = []
    while True:
        inner = getattr(estimator, _WRAPPERS.get(type(estimator).__name__, ""), None)
        if inner is not None:
            estimator = inner
        elif isinstance(estimator, Pipeline):
            steps += [step for _, step in estimator.steps[:-1]]
            estimator = estimator.steps[-1][1]
        else:
            return steps, estimator


def _columns(predictor: Any, signature: Signature) -> list[Atom]:
    """Return the atoms of the inputs, in the order in which the first step numbers them."""
    fields = signature.inputs
    atoms: list[Atom] = [Word(i) if field.type == "string" else Number(i) for i, field in enumerate(fields)]
    if predictor.inputs.shape != "frame":
        return atoms
    known = [str(name) for name in _first(predictor.estimator).feature_names_in_]
    places = {field.name: i for i, field in enumerate(fields)}
    # A column that no step uses is not asked for; whatever stands in its place is never read.
    return [atoms[places[name]] if name in places else Word(-1) for name in known]


def _first(estimator: Any) -> Any:
    while True:
        inner = getattr(estimator, _WRAPPERS.get(type(estimator).__name__, ""), None)
        if inner is not None:
            estimator = inner
        elif isinstance(estimator, Pipeline):
            steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
            estimator = steps[0]
        else:
            return estimator


def _head(model: Any, output: Output) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = {"kind": output.kind, "probabilities": output.probabilities, "single": False}
    if output.kind in {"regression", "multi_output"}:
        if hasattr(model, "classes_"):
            raise Declined("labels of several outputs")
        return values(model), answer
    if output.kind != "classification" or not hasattr(model, "classes_"):
        raise Declined(f"answers of the kind {output.kind} by {type(model).__name__}")
    if len(output.labels) != len(model.classes_) or len(output.labels) < 2:  # noqa: PLR2004 - one class is no choice
        raise Declined("the labels are not the classes of the model")
    if output.probabilities:
        return probabilities(model), answer
    head = margins(model)
    return head, {**answer, "single": len(output.labels) == 2}  # noqa: PLR2004 - two classes share one margin


def _uses(node: Any) -> tuple[str, ...]:
    return ("onnxruntime",) if _has_forest(node) else ()


def _has_forest(node: Any) -> bool:
    if isinstance(node, dict):
        return node.get("op") == "forest" or any(_has_forest(part) for part in node.values())
    return isinstance(node, list) and any(_has_forest(part) for part in node if isinstance(part, dict | list))
