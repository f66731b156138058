"""
Lowers fitted scikit-learn estimators and pipelines: to a sum over columns where they are one, else to a matrix.

Runs while preparing. Knows the order of attempts, nothing about single steps or models.
"""

from typing import Any, ClassVar

from gateway.compilers.base import Declined
from gateway.compilers.linear_leaves import NotAdditive
from gateway.compilers.sklearn_additive import lower_additive
from gateway.compilers.sklearn_levels import Atom, Number, Word
from gateway.compilers.sklearn_matrix import lower_matrix
from gateway.compilers.sklearn_predictors import margins, probabilities, values
from gateway.compilers.sklearn_preprocessing import Front, lower_front
from gateway.compilers.sklearn_probes import probes, typical
from gateway.compilers.step_rows import step_rows
from gateway.estimators.wrappers import first_step, front_and_model
from gateway.runtimes.answering import AnswerForm
from gateway.runtimes.base import Draft
from gateway.runtimes.nodes import ForestNode, Node, parts_of
from gateway.schema import Output, Signature


class SklearnCompiler:
    """Compile what the tables of steps and heads know."""

    name: ClassVar[str] = "sklearn"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of an estimator."""
        signature: Signature = predictor.signature
        if not hasattr(predictor, "estimator"):
            raise Declined("it is served by its own library")
        steps, model = front_and_model(predictor.estimator)
        front = Front(_columns(predictor, signature))
        for step in steps:
            front = lower_front(step, front)
        if any(isinstance(atom, Word) for atom in front.atoms):
            raise Declined("a column of text reaches the model unencoded")
        head, answer = _head(model, signature.output)
        try:
            additive = lower_additive(front, head, answer)
            rows = [step_rows(additive, signature), *typical(front, signature)]
            return Draft(runtime="additive", program=additive, signature=signature, rows=rows, uses=_uses(head))
        except NotAdditive as reason:
            if front.texts:
                raise Declined(f"text in front of {reason}") from reason
        return Draft(
            runtime="matrix",
            program=lower_matrix(front, head, answer),
            signature=signature,
            rows=[*probes(front, model, signature), *typical(front, signature)],
            uses=_uses(head),
        )


def _columns(predictor: Any, signature: Signature) -> list[Atom]:
    """Return the atoms of the inputs, in the order in which the first step numbers them."""
    fields = signature.inputs
    atoms: list[Atom] = [Word(i) if field.type == "string" else Number(i) for i, field in enumerate(fields)]
    if predictor.inputs.shape != "frame":
        return atoms
    known = [str(name) for name in first_step(predictor.estimator).feature_names_in_]
    places = {field.name: i for i, field in enumerate(fields)}
    # A column that no step uses is not asked for; whatever stands in its place is never read.
    return [atoms[places[name]] if name in places else Word(-1) for name in known]


def _head(model: Any, output: Output) -> tuple[Node, AnswerForm]:
    answer = AnswerForm(kind=output.kind, probabilities=output.probabilities)
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
    return margins(model), AnswerForm(kind=output.kind, single=len(output.labels) == 2)  # noqa: PLR2004 - share one


def _uses(node: Node) -> tuple[str, ...]:
    return ("onnxruntime",) if _has_forest(node) else ()


def _has_forest(node: Node) -> bool:
    return isinstance(node, ForestNode) or any(map(_has_forest, parts_of(node)))
