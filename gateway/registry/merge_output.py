"""Merge the outputs of an artifact with the registry: labels renamed one to one, positive class, threshold."""

from dataclasses import replace
from typing import Any, Protocol

from gateway.registry.spec import OutputKeys
from gateway.schema import Output
from gateway.system.suggest import did_you_mean, listing

_BINARY = 2
_SEVERAL = frozenset({"multi_label", "multi_output"})


class Faults(Protocol):
    """Collect contradictions."""

    def add(self, where: str, message: str, hint: str) -> None:
        """Note one fault."""
        ...


def merge_output(found: Output, keys: OutputKeys, faults: Faults) -> Output:
    """Return the output with the registry's keys; notes every contradiction."""
    merged = _chosen(_named(_labelled(found, keys, faults), keys, faults), keys, faults)
    if keys.positive is not None:
        merged = replace(merged, positive=_positive(merged, keys.positive, faults))
    if keys.threshold is not None:
        merged = _with_threshold(merged, keys.threshold, faults)
    if keys.unit is not None:
        merged = replace(merged, unit=keys.unit)
    if keys.decimals is not None:
        merged = replace(merged, decimals=keys.decimals)
    return merged


def _named(found: Output, keys: OutputKeys, faults: Faults) -> Output:
    if keys.names is None:
        return found
    if found.kind not in _SEVERAL:
        faults.add("outputs.names", f"a model of kind {found.kind} has one output without a name", "delete 'names'")
    elif found.names and len(found.names) != len(keys.names):
        faults.add(
            "outputs.names",
            f"{len(keys.names)} names for {len(found.names)} outputs of the artifact ({listing(found.names)})",
            "give one name per output, in this order",
        )
    else:
        return replace(found, names=keys.names)
    return found


def _chosen(found: Output, keys: OutputKeys, faults: Faults) -> Output:
    """Keep the outputs that the registry chooses, in its order."""
    if keys.use is None:
        return found
    if found.kind not in _SEVERAL:
        faults.add("outputs.use", f"a model of kind {found.kind} has one output", "delete 'use'")
        return found
    unknown = [name for name in keys.use if name not in found.names]
    for name in unknown:
        guess = did_you_mean(name, found.names)
        faults.add("outputs.use", f"there is no output '{name}' ({listing(found.names)})", guess or "delete it")
    if unknown or not keys.use:
        return found
    places = tuple(found.names.index(name) for name in keys.use)
    parts = tuple(found.parts[place] for place in places) if found.parts else ()
    return replace(found, names=keys.use, parts=parts, chosen=places)


def _labelled(found: Output, keys: OutputKeys, faults: Faults) -> Output:
    if keys.labels is None:
        return found
    if found.kind not in {"classification", "multi_label", "multi_output"}:
        faults.add("outputs.labels", f"a model of kind {found.kind} has no labels", "delete 'labels'")
        return found
    is_classifier = found.kind == "classification"
    old: tuple[Any, ...] = found.labels if is_classifier else found.names
    if old and len(old) != len(keys.labels):
        faults.add(
            "outputs.labels",
            f"{len(keys.labels)} labels for {len(old)} classes of the artifact ({listing(old)})",
            "give one label per class, in this order",
        )
        return found
    if not is_classifier:
        return replace(found, names=tuple(str(label) for label in keys.labels))
    positive = found.positive
    if positive is not None and positive in old:
        positive = keys.labels[old.index(positive)]
    return replace(found, labels=keys.labels, positive=positive)


def _positive(output: Output, positive: Any, faults: Faults) -> Any:
    if output.kind != "classification":
        faults.add("outputs.positive", f"a model of kind {output.kind} has no positive class", "delete 'positive'")
    elif output.labels and positive not in output.labels:
        texts = {str(label): label for label in output.labels}
        if str(positive) in texts:
            return texts[str(positive)]  # `positive: 1` for the label "1"
        known = listing(f"'{label}'" for label in output.labels)
        guess = did_you_mean(str(positive), texts)
        faults.add("outputs.positive", f"there is no label '{positive}' ({known})", guess or "name one of the labels")
    return positive


def _with_threshold(output: Output, threshold: float, faults: Faults) -> Output:
    if output.kind != "classification" or not output.probabilities:
        faults.add("outputs.threshold", "the model answers no probabilities of classes", "delete 'threshold'")
        return output
    positive = output.positive
    if positive is None and len(output.labels) == _BINARY:
        positive = output.labels[1]
    if positive is None:
        faults.add("outputs.threshold", "nobody says which label it is about", "add 'positive'")
    return replace(output, threshold=threshold, positive=positive)
