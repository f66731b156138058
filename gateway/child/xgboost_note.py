"""
Reads the note that an XGBoost wrapper (XGBClassifier ...) saved beside its booster, and applies what changes answers.

XGBClassifier of 1.0 to 1.5 coded labels itself: the booster knows 0 to n-1 only, the note has the labels.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, Mapping

from .faults import LoadError
from .schema import Output


def note_of(booster: Any) -> Mapping[str, Any]:
    """Return the note; nothing for a file that a booster itself saved."""
    try:
        found = json.loads(booster.attr("scikit_learn") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_classifier(booster: Any) -> bool:
    """Say whether XGBClassifier saved the file; before 1.3 the note names the class alone."""
    note = note_of(booster)
    return note.get("_estimator_type") == "classifier" or "_le" in note or "Classifier" in str(note.get("type"))


def refuse_own_missing(booster: Any) -> None:
    """Raise LoadError where the file of a wrapper (XGBoost 1.0 to 1.5) says that a number stands for missing values."""
    missing = note_of(booster).get("missing")
    if isinstance(missing, (int, float)) and not math.isnan(missing):
        raise LoadError(
            "child-signature",
            f"trained with missing={missing}: its wrapper reads that number as missing, the booster does not",
            "replace that number by NaN in the data and train it again",
        )


def with_labels(output: Output, booster: Any) -> Output:
    """Return the output with the labels of the note; raises LoadError where these do not fit the booster."""
    coded = note_of(booster).get("_le")
    if coded is None:
        return output
    labels = tuple(coded.get("classes_") or ()) if isinstance(coded, dict) else ()
    is_plain = all(isinstance(one, (str, int, float)) for one in labels)
    if output.kind != "classification" and is_plain and labels == tuple(range(len(labels))):
        return output
    if output.kind != "classification" or not is_plain or len(labels) != len(output.labels):
        raise LoadError(
            "child-signature",
            "the XGBClassifier that saved it answers labels, which cannot be told from what the booster answers",
            "train it again with labels 0 to n-1",
        )
    return replace(output, labels=labels, positive=labels[1] if output.positive is not None else None)
