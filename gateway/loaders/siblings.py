"""
Says which files beside an artifact may belong to it, to judge by their names and the classes that pickles name.

Only says it: files are never put together by themselves. Nothing is loaded.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.loaders.table import PICKLE_SUFFIXES

#: Words by which people call a step, a model, names of columns, an encoder of the target.
_STEPS: Final = (
    "scaler|standard_?scaler|min_?max_?scaler|vectorizer|vectoriser|vect|tfidf|count_?vectorizer|dict_?vectorizer|dv|cv"
    "|transformer|preprocessor|preprocessing|preprocess|imputer|pca|encoders?|label_?encoders?|one_?hot_?encoder"
    "|ordinal_?encoder|ohe|le|selector|poly|columns|cols|features|feature_?names|model_?columns"
)
_MODELS: Final = "model|classifier|regressor|clf|reg|estimator|predictor|forest|trees"
_AFTER: Final = re.compile(r"columns|cols|features|feature_?names|model_?columns|label_?encoder|le", re.IGNORECASE)
_SUFFIXES: Final = frozenset({".pkl", ".pickle", ".joblib", ".skops"})
_MODEL_SUFFIXES: Final = _SUFFIXES | {".ubj", ".json", ".onnx", ".txt", ".cbm"}
_MOST_FILES: Final = 10_000
_HOMES_OF_STEPS: Final = tuple(
    f"sklearn.{home}."
    for home in ("compose", "decomposition", "feature_extraction", "impute", "pipeline", "preprocessing")
)


def word_in(stem: str, words: str) -> tuple[str, str] | None:
    """Return the word of a kind in a file's name, and the rest of the name; None: there is none."""
    found = re.search(rf"(^|[_\-. ])({words})([_\-. ]|$)", stem, re.IGNORECASE)
    if found is None:
        return None
    rest = f"{stem[: found.start(2)]}{stem[found.end(2) :]}"
    return found[2].lower(), rest.strip("_-. ").lower()


def steps_beside(path: Path) -> list[Path]:
    """Return the steps in the folder of a model whose names are like the model's, in a plausible order."""
    return _beside(path, _MODELS, _STEPS, _SUFFIXES)


def models_beside(path: Path) -> list[Path]:
    """Return the models in the folder of a step whose names are like the step's."""
    return _beside(path, _STEPS, _MODELS, _MODEL_SUFFIXES)


def _beside(path: Path, own_words: str, words: str, suffixes: frozenset[str]) -> list[Path]:
    own = word_in(path.stem, own_words)
    if own is None:
        return []
    found = []
    try:
        for count, entry in enumerate(path.parent.iterdir()):
            if count > _MOST_FILES:
                return []
            word = word_in(entry.stem, words) if entry.suffix.lower() in suffixes and entry != path else None
            if word is not None and word[1] == own[1] and word_in(entry.stem, own_words) is None:
                found.append(entry)
    except OSError:
        return []
    return sorted(found, key=lambda entry: (stands_behind(entry), entry.name))


def stands_behind(path: Path) -> bool:
    """Say whether a step is by its name a list of columns or an encoder of the target, which people name last."""
    word = word_in(path.stem, _STEPS)
    return word is not None and _AFTER.fullmatch(word[0]) is not None


def command_for(model: Path, steps: list[Path], text: str) -> str:
    """Return the command that adds a model with its steps; `text` is how one of these files was named."""
    folder = Path(text).parent
    before = [step for step in steps if not stands_behind(step)]
    names = [*before, model, *(step for step in steps if stands_behind(step))]
    opt_in = " --allow-pickle" if any(path.suffix.lower() in PICKLE_SUFFIXES for path in names) else ""
    route = re.sub(r"[^a-z0-9._~-]+", "-", model.parent.name.lower()).strip("-") or "model"
    return f"gateway add {shlex.join(str(folder / path.name) for path in names)} --route /{route}{opt_in}"


def note_of(path: Path, text: str, classes: Sequence[str]) -> tuple[str, ...]:
    """
    Return a line on the steps beside a model, nothing where there is none.

    `classes` are what a pickle names; one that holds steps of its own needs no others.
    """
    steps = steps_beside(path)
    if not steps or any(name.startswith(_HOMES_OF_STEPS) for name in classes):
        return ()
    names = ", ".join(step.name for step in steps)
    return (f"{names}: if the model was trained behind it, serve them together: {command_for(path, steps, text)}",)
