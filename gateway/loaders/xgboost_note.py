"""
Reads the note that an XGBoost wrapper (XGBClassifier ...) saved beside its booster, and applies what changes answers.

XGBClassifier of 1.0 to 1.5 coded labels itself: the booster knows 0 to n-1 only, the note has the labels. From 1.6 on
the wrapper answers the codes, whatever else the note says.
"""

import json
import math
from dataclasses import replace
from typing import Any

import xgboost

from gateway.errors import LoadError
from gateway.schema import Output, Scalar


def note_of(booster: xgboost.Booster) -> dict[str, Any] | None:
    """Return the note, None for a file that a booster itself saved; raises ValueError for one that is no object."""
    told = booster.attr("scikit_learn")
    if told is None:
        return None
    note = json.loads(told)
    if not isinstance(note, dict):
        raise ValueError("its attribute scikit_learn is no object")
    return note


def is_classifier(booster: xgboost.Booster) -> bool:
    """Say whether XGBClassifier saved the file; before 1.3 the note names the class alone."""
    note = note_of(booster) or {}
    return note.get("_estimator_type") == "classifier" or "_le" in note or "Classifier" in str(note.get("type"))


def refuse_own_missing(booster: xgboost.Booster) -> None:
    """Raise LoadError where the file of a wrapper (XGBoost 1.0 to 1.5) says that a number stands for missing values."""
    missing = (note_of(booster) or {}).get("missing")
    if isinstance(missing, int | float) and not math.isnan(missing):
        raise LoadError(
            f"trained with missing={missing:g}: its wrapper reads that number as a missing value, the booster does not",
            code="unsupported-model",
            hint="replace that number by NaN in the data and train it again",
        )


def with_labels(output: Output, booster: xgboost.Booster) -> Output:
    """Return the output with the labels of the note; raises LoadError where these do not fit what the booster says."""
    coded = (note_of(booster) or {}).get("_le")
    if coded is None:
        return output
    labels = _labels(coded)
    if labels is None or (output.kind != "classification" and labels != tuple(range(len(labels)))):
        raise _unfit("answers labels, which cannot be told from what the booster answers")
    if output.kind != "classification":
        return output
    if len(labels) != len(output.labels):
        raise _unfit(f"knows {len(labels)} labels, but its booster {len(output.labels)}")
    return replace(output, labels=labels, positive=labels[1] if output.positive is not None else None)


def _labels(coded: Any) -> tuple[Scalar, ...] | None:
    """Return the classes of the encoder, None for what JSON does not hold exactly or no answer could say."""
    found = coded.get("classes_") if isinstance(coded, dict) else None
    if not isinstance(found, list) or len({type(one) for one in found}) != 1 or len(set(map(str, found))) < len(found):
        return None
    if not all(isinstance(one, str | int) or (isinstance(one, float) and math.isfinite(one)) for one in found):
        return None
    return tuple(found)


def _unfit(why: str) -> LoadError:
    return LoadError(
        f"the XGBClassifier that saved it {why}",
        code="unsupported-model",
        hint="train it again with labels 0 to n-1; or serve what the booster itself answers: "
        "b = xgboost.Booster(model_file=...); b.set_attr(scikit_learn=None); b.save_model('model.ubj')",
    )
