"""
The child that asks a model for answers (`python -m gateway.prepare.answers_child < question.json > told.json`).

Loading and predicting are confined as in the child that prepares: the model may crash, hang or exhaust memory here.
"""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.artifacts import golden_rows
from gateway.errors import ArtifactError, GatewayError, NotExplainable
from gateway.explainers import explainer_for
from gateway.explanation import EXPLANATION_ERROR, Explanation
from gateway.loaders import get_loader
from gateway.loaders.one_hot import with_one_hot
from gateway.loaders.table import row_of
from gateway.prepare import sandbox
from gateway.prepare.answers import Question, StoredExplanation, StoredRows, Told
from gateway.prepare.entry import Entry, compiled_path
from gateway.prepare.exchanged_inputs import find_exchange
from gateway.prepare.remote import closing, is_remote, predictor_of
from gateway.prepare.sandbox_rules import lock
from gateway.prepare.table_file import read_table
from gateway.registry.contract import make_contract
from gateway.registry.load_options import load_options
from gateway.registry.merge import merge_signature
from gateway.schema import Column, Output, Predictor
from gateway.system import descendants
from gateway.system.parent_death import die_with_parent


def answer(question: Question, end: Any) -> Told:
    """Load the model and ask it; `end` ends this process with the error of a model that acts. Raises GatewayError."""
    predictor = _loaded(question.entry, end)
    with closing(predictor):
        return _asked(question, predictor)


def _asked(question: Question, predictor: Predictor) -> Told:
    entry = question.entry
    merged = merge_signature(predictor.signature, entry.spec)
    told = Told(native=predictor.signature, merged=merged)
    explain = _Explaining(entry.spec.loader, predictor, merged.output, wanted=question.explain)
    asked: Sequence[Column] = ()
    if question.golden:
        batch = golden_rows.read(Path(question.golden), predictor.signature)
        told.golden = _rows(predictor, batch.columns, batch.size, explain)
        asked = batch.columns
    if question.table:
        table = read_table(Path(question.table), make_contract(merged, entry.spec, question.server), question.beside)
        told.table = _rows(predictor, table.batch.columns, table.batch.size, explain)
        told.table.beside, told.table.names = table.beside, table.names
        asked = table.batch.columns
    if question.others:
        numbers = np.asarray(question.others, dtype=np.float64)
        answers = partial(_numbers, predictor, question.label)
        told.exchange = find_exchange(answers, predictor.signature.inputs, asked, numbers)
    return told


def _numbers(predictor: Predictor, label: int, columns: Sequence[Column]) -> npt.NDArray[np.float64]:
    """Return one number per row: the probability of a label, else the value."""
    found = predictor.predict(columns)
    return np.asarray(found.values if found.probabilities is None else found.probabilities[:, label], dtype=np.float64)


def _loaded(entry: Entry, end: Any) -> Predictor:
    spec = entry.spec
    if is_remote(spec):
        return predictor_of(entry)
    options = load_options(spec, entry.artifact, Path(entry.cache_dir))
    loader = get_loader(spec.loader)
    path = Path(entry.artifact.path)
    lock(spec.loader, path, compiled_path(entry).parent, end)
    return with_one_hot(loader.load(path, options), options.one_hot)


class _Explaining:
    """Explain answers where that was asked for and the model allows it."""

    def __init__(self, loader: str, predictor: Predictor, output: Output, *, wanted: bool) -> None:
        self._explainer: Any = None
        if wanted:
            with contextlib.suppress(NotExplainable):
                self._explainer = explainer_for(loader, predictor, output)

    def of(self, columns: Sequence[Column]) -> Explanation | None:
        """Return the explanation of the answers to some rows, None where there is none."""
        if self._explainer is None:
            return None
        try:
            found: Explanation = self._explainer.explain(columns)
        except Exception:  # what cannot be explained is compared all the same
            return None
        return found if bool((found.errors <= EXPLANATION_ERROR).all()) else None


def _rows(predictor: Predictor, columns: Sequence[Column], size: int, explain: _Explaining) -> StoredRows:
    try:
        found = predictor.predict(columns)
    except GatewayError:
        raise
    except Exception as error:
        raise GatewayError(
            f"the model raised {type(error).__name__}: {error}",
            code="predict-raised",
            hint="give it rows that it was trained for",
        ) from error
    explanation = explain.of(columns)
    return StoredRows(
        columns=[column.tolist() for column in columns],
        size=size,
        values=_plain(found.values),
        probabilities=None if found.probabilities is None else np.asarray(found.probabilities).tolist(),
        each=[None if table is None else np.asarray(table).tolist() for table in found.each],
        explanation=None if explanation is None else _stored(explanation),
    )


def _stored(found: Explanation) -> StoredExplanation:
    return StoredExplanation(
        found.base.tolist(),
        found.contributions.tolist(),
        found.margin.tolist(),
        found.scale,
        None if found.labels is None else found.labels.tolist(),
    )


def _plain(value: Any) -> Any:
    """Return values as those of JSON: arrays and numbers of numpy become Python's own."""
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value] if value.dtype == object else value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def main() -> None:
    """Read a question from stdin, write what was found to stdout; output of libraries goes to stderr."""
    die_with_parent(signal.SIGKILL, int(sys.argv[1]))
    descendants.adopt_orphans()
    question = msgspec.json.Decoder(Question).decode(sys.stdin.buffer.readline())
    if row_of(question.entry.spec.loader).is_offline:
        sandbox.cut_network()
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def tell(told: Told) -> None:
        output.write(msgspec.json.encode(told) + b"\n")
        output.flush()

    def end(error: ArtifactError) -> None:
        tell(Told(problem=error.as_problem()))
        os._exit(0)

    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(os.fdopen(os.dup(2), "wb"))):
            told = answer(question, end)
    except GatewayError as error:
        told = Told(problem=error.as_problem())
    except Exception as error:  # whatever a framework raises is a fault of the artifact, not of the gateway
        raised = GatewayError(f"asking the model raised {type(error).__name__}: {error}", code="prepare-raised")
        told = Told(problem=raised.as_problem())
    sandbox.release()
    tell(told)
    # A JVM or a native thread of the model may refuse to end; everything has been written.
    sys.stderr.flush()
    descendants.end(lambda: descendants.tree(os.getpid()), grace_s=0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
