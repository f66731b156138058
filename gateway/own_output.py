"""
What a framework's own predict answers for an artifact, where that is not what this gateway answers.

Pure data: forms of an answer, names of outputs, declared params. MLflow's scoring protocol answers by it.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

OutputForm: TypeAlias = Literal[
    "value", "column", "list", "map", "probabilities", "probability", "several", "several-column"
]


@dataclass(frozen=True, slots=True)
class NamedOutput:
    """
    Name one output of a graph, and the form in which the framework answers it.

    `column` is one value in a list, `list` all values of several outputs, `map` probabilities by label,
    `probabilities` those in the order of the labels, `probability` that of the label at `position`, `several` the
    output at `position`, `several-column` the same with each value in a list.
    """

    name: str
    form: OutputForm
    position: int = 0


@dataclass(frozen=True, slots=True)
class OwnParam:
    """
    Describe a param that an MLflow model declares: its type in MLflow's words, and its default.

    `acts` says that the framework's own predict takes it, so that another value than false or nothing changes answers.
    """

    name: str
    type: str
    is_list: bool = False
    default: Any = None
    acts: bool = False
