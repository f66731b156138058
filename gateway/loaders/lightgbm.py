"""
Serves LightGBM models from the text files that `Booster.save_model` writes.

Names, types, levels and objective are read out of the file (lightgbm_text.py), once it is known to be whole
(lightgbm_contents.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

import lightgbm
import numpy as np
import numpy.typing as npt

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.base import LoadOptions, Skew
from gateway.loaders.dummies import with_dummies
from gateway.loaders.level_codes import codes_of, encode, field_of
from gateway.loaders.lightgbm_contents import read_text
from gateway.loaders.lightgbm_levels import Levels, categories_of
from gateway.loaders.lightgbm_text import TextModel
from gateway.loaders.sniffing import looks_like_pickle
from gateway.schema import Column, Field, Output, OwnAnswer, Predictions, Scalar, Signature

#: Where LGBMClassifier.predict parts two classes.
_HALF: Final = 0.5
#: What a file says of a column of True and False: its least and its greatest number.
_FLAG: Final = "[0:1]"
#: Codes are read as C's int.
_INT: Final = 2**31
_HEAD_BYTES: Final = 65_536


class LightgbmPredictor:
    """
    Ask one booster with one thread; columns go in as float64, as LightGBM takes a data frame.

    `labels` are those of the wrapper that was pickled; `rounds` are those that it would use.
    """

    #: Whose compilers lower it, whatever loader opened the file.
    lowered_as: ClassVar[str] = "lightgbm"

    def __init__(
        self,
        model: TextModel,
        declared: Mapping[str, Levels],
        *,
        rounds: int = -1,
        labels: tuple[Scalar, ...] = (),
    ) -> None:
        self.model = model
        self.rounds = rounds
        self.skew: Skew | None = None
        self.categories = categories_of(model, declared)
        self.booster = lightgbm.Booster(model_str=model.text)
        self.signature = _signature(model, self.categories.levels, self.categories.coded, labels)
        self._codes = {i: codes_of(self.signature.inputs[i], levels) for i, levels in self.categories.levels.items()}

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance; NaN is missing, and a level that training did not see is missing too."""
        scores = self.booster.predict(self.rows(columns), num_iteration=self.rounds, num_threads=1)
        return read_scores(np.asarray(scores, dtype=np.float64), self.signature.output)

    def rows(self, columns: Sequence[Column]) -> npt.NDArray[np.float64]:
        """Return the columns as the booster takes them."""
        rows = np.empty((len(columns[0]), len(columns)), dtype=np.float64)
        for i, column in enumerate(columns):
            codes = self._codes.get(i)
            rows[:, i] = column if codes is None else encode(column, codes)
        return rows


class LightgbmLoader:
    """Read text models; a dump as JSON holds no model that LightGBM itself could load."""

    name: ClassVar[str] = "lightgbm"

    def load(self, path: Path, options: LoadOptions) -> LightgbmPredictor:
        """Check the file, load it, and ask it once for a row without any value."""
        _refuse_other_formats(path)
        model = read_text(path)
        try:
            predictor = LightgbmPredictor(model, options.levels)
            ask_once(predictor)
            return predictor
        except LoadError as exc:
            raise LoadError(f"{path.name}: {exc.message}", code=exc.code, hint=exc.hint) from exc
        except (lightgbm.basic.LightGBMError, ValueError, KeyError, TypeError, OverflowError) as exc:
            raise ArtifactError(
                f"{path.name}: not a readable LightGBM model: {exc}",
                code="broken-artifact",
                hint="name a file that booster.save_model('model.txt') wrote, unchanged: compare its sha256",
            ) from exc

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: that takes milliseconds."""
        return self.load(path, options).signature


def ask_once(predictor: LightgbmPredictor) -> None:
    """Predict one row without any value: what a model cannot do shows while it is loaded."""
    text = {field.name for field in predictor.signature.inputs if field.type in {"string", "boolean"}}
    predictor.predict(
        [np.full(1, np.nan, dtype=object if one.name in text else np.float64) for one in predictor.signature.inputs]
    )


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.lstrip()[:1] == b"{":
        raise LoadError(
            f"{path.name}: a dump as JSON (dump_model), which LightGBM writes to be looked at and cannot load",
            code="unsupported-model",
            hint="write the model with booster.save_model('model.txt') where it was trained, and name that file",
        )
    if looks_like_pickle(head):
        raise LoadError(
            f"{path.name}: a pickle",
            code="unsupported-model",
            hint="delete `loader: lightgbm`: pickles of LightGBM are read by the loader sklearn",
        )
    if not head.removeprefix(b"\xef\xbb\xbf").startswith(b"tree"):
        what = "the file is empty" if not head else "the file does not begin as a text model of LightGBM does (`tree`)"
        raise ArtifactError(
            f"{path.name}: {what}",
            code="broken-artifact",
            hint="write it with booster.save_model('model.txt')",
        )


def read_scores(scores: npt.NDArray[np.float64], output: Output) -> Predictions:
    """Return what LightGBM's answer means."""
    if output.kind != "classification":
        return Predictions(scores)
    if scores.ndim > 1:
        return Predictions(np.argmax(scores, axis=1), scores)
    return Predictions((scores > _HALF).astype(np.int64), np.column_stack([1.0 - scores, scores]))


def _signature(
    model: TextModel, levels: Mapping[int, Levels], coded: frozenset[int], labels: tuple[Scalar, ...]
) -> Signature:
    infos = model.header["feature_infos"].split(" ")
    fields = tuple(
        _field(name, levels.get(i), is_coded=i in coded, is_flag=infos[i] == _FLAG)
        for i, name in enumerate(model.names)
    )
    if model.is_unnamed:
        pairs = zip(fields, model.written_names, strict=True)
        fields = tuple(replace(field, aliases=(written,)) for field, written in pairs)
    else:
        fields = _with_spaces(with_dummies(fields))
    return Signature(inputs=fields, output=output_of(model, labels), names_known=not model.is_unnamed)


def _field(name: str, levels: Levels | None, *, is_coded: bool, is_flag: bool) -> Field:
    """Trees take NaN in every column; codes may be negative, which means missing."""
    if levels is not None:
        return field_of(name, levels)
    if is_coded:
        return Field(name=name, type="integer", minimum=-_INT, maximum=_INT - 1, required=False, nullable=True)
    return Field(name=name, required=False, nullable=True, booleans_as_numbers=is_flag)


def _with_spaces(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Let a column be sent under its name with spaces, which LightGBM wrote as underscores."""
    names = {field.name for field in fields}
    spaced = [field.name.replace("_", " ") for field in fields]
    return tuple(
        replace(field, aliases=(text,)) if text not in names and spaced.count(text) == 1 else field
        for field, text in zip(fields, spaced, strict=True)
    )


def output_of(model: TextModel, labels: tuple[Scalar, ...]) -> Output:
    """Return what the objective makes of a model; without one (a function of somebody's own) the answer is a score."""
    kind, classes = model.header.get("objective", "").split(" ")[0], model.number("num_class")
    if kind == "binary" or (labels and classes == 1):
        own: OwnAnswer = "value" if labels else "probability"
        known = labels or (0, 1)
        return Output(kind="classification", labels=known, probabilities=True, positive=known[1], own=own)
    if kind in {"multiclass", "multiclassova"} or labels:
        own = "value" if labels else "probabilities"
        return Output(kind="classification", labels=labels or tuple(range(classes)), probabilities=True, own=own)
    if classes > 1:
        return Output(kind="multi_output", names=tuple(f"y{i}" for i in range(classes)), own="list")
    return Output(kind="regression")
