"""Keys of `plot`: which counts a route shows beside its answer, and how they are drawn."""

from dataclasses import dataclass
from typing import Annotated, Literal

from gateway.registry.key_definition import Key

#: Decimals of the prediction beside its line; more than a person reads.
_MOST_DECIMALS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotKeys:
    """Hold the `plot` of a route. In the texts `{field}` is the value of an input, in `line` `{value}` the answer."""

    file: Annotated[str, Key("JSON file of binned counts, relative to the registry")]
    kind: Annotated[
        Literal["histogram"], Key("what is drawn: percent histograms of the series, one over the other")
    ] = "histogram"
    title: Annotated[str, Key("text above the plot; `{field}` is the value of an input")] = ""
    x: Annotated[str, Key("name of the horizontal axis")] = ""
    y: Annotated[str, Key("name of the vertical axis")] = "Percent of total"
    line: Annotated[str, Key("text at the dashed line that marks the predicted number, which is `{value}`")] = (
        "Predicted: {value}"
    )
    decimals: Annotated[int, Key("decimals of `{value}`", minimum=0, maximum=_MOST_DECIMALS)] = 2
