"""The best run of an experiment by one metric: only finished runs count, and a tie is a fault."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import mlflow
from mlflow.entities import Run, RunStatus, ViewType
from mlflow.exceptions import MlflowException

from gateway.artifacts.mlflow_reference import Reference
from gateway.references.model_places import Place
from gateway.references.store_questions import Found
from gateway.references.store_reader import StoreReader, fault
from gateway.system.suggest import did_you_mean, listing

_PAGE: Final = 1_000
_MOST_RUNS: Final = 100_000
_SHOWN: Final = 8
_FINISHED: Final = RunStatus.to_string(RunStatus.FINISHED)


def opened(uri: str, roots: Iterable[Path]) -> tuple[StoreReader, Callable[[Reference], tuple[Found, Place]]]:
    """Return a reader of a store, and the function that answers any reference."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    reader = StoreReader(mlflow.MlflowClient(uri, uri), roots)
    answers: Mapping[str, Callable[[Reference], tuple[Found, Place]]] = {
        "alias": reader.registered,
        "version": reader.registered,
        "run": reader.of_run,
        "best": partial(best_run, reader),
    }
    return reader, lambda asked: answers[asked.kind](asked)


def best_run(reader: StoreReader, asked: Reference) -> tuple[Found, Place]:
    """Return the best run and the place of its model."""
    runs = list(_runs(reader.client, asked))
    finished = [run for run in runs if run.info.status == _FINISHED]
    values = {run.info.run_id: run.data.metrics[asked.metric] for run in finished if asked.metric in run.data.metrics}
    usable = {run_id: value for run_id, value in values.items() if math.isfinite(value)}
    if not usable:
        raise _none(asked, runs, finished, values)
    value = min(usable.values()) if asked.mode == "min" else max(usable.values())
    tied = sorted(run_id for run_id, one in usable.items() if one == value)
    if len(tied) > 1:
        raise fault(
            "mlflow-best",
            f"{len(tied)} runs of experiment '{asked.experiment}' have the best {asked.metric}, {value:g}: "
            f"{listing(tied[:_SHOWN], 'and')}",
            hint=f"narrow them with filter=, or name one: mlflow:runs:/{tied[0]}/PATH",
        )
    run = next(run for run in finished if run.info.run_id == tied[0])
    path = asked.path or reader.only_model_of(run)
    found = Found(
        reference=asked.text,
        exact=f"mlflow:runs:/{run.info.run_id}/{path}",
        run_id=run.info.run_id,
        metric=asked.metric,
        value=value,
    )
    return found, reader.place_in(run, path)


def _runs(client: Any, asked: Reference) -> Iterator[Run]:
    """Yield the runs of the experiment that are not deleted and that the filter keeps."""
    experiment, token, count = _experiment(client, asked.experiment), None, 0
    while True:
        try:
            page = client.search_runs([experiment], asked.filter, ViewType.ACTIVE_ONLY, _PAGE, page_token=token)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            raise fault(
                "mlflow-filter",
                f"MLflow cannot read the filter '{asked.filter}': {error.message}",
                hint="write it as MLflow's search_runs takes it, such as filter=tags.stage = 'prod'; write & as %26",
            ) from error
        yield from page
        token, count = page.token, count + len(page)
        if not token or count >= _MOST_RUNS:
            return


def _experiment(client: Any, name: str) -> str:
    """Return the id of an experiment by its name, or by the id itself."""
    experiments = {one.name: one.experiment_id for one in client.search_experiments(ViewType.ACTIVE_ONLY)}
    if name in experiments:
        return str(experiments[name])
    if name in experiments.values():
        return name
    names = sorted(experiments)
    raise fault(
        "mlflow-experiment",
        f"the store has no experiment '{name}': it has {listing(names[:_SHOWN], 'and') if names else 'none'}",
        hint=did_you_mean(name, names)
        or "name one of these; a deleted one is restored by `mlflow experiments restore`",
    )


def _none(asked: Reference, runs: list[Run], finished: list[Run], values: dict[str, float]) -> Exception:
    """Return the fault of a question that no run answers: how many there are, and what they lack."""
    kept = " that the filter keeps" if asked.filter else ""
    what = f"experiment '{asked.experiment}' has no finished run{kept} with a number as {asked.metric}"
    if not runs:
        return fault(
            "mlflow-best", f"{what}: it has no run{kept}", hint="train, or ask for another experiment or filter"
        )
    if not finished:
        states = listing(sorted({run.info.status for run in runs}), "and")
        return fault(
            "mlflow-best",
            f"{what}: its {len(runs)} runs are {states}",
            hint="finish a run, or name it: mlflow:runs:/RUN_ID/PATH",
        )
    if values:
        return fault(
            "mlflow-best", f"{what}: {len(values)} runs have NaN or infinity", hint="log the metric as a number"
        )
    metrics = sorted({name for run in finished for name in run.data.metrics})
    there = listing(metrics[:_SHOWN], "and") if metrics else "none"
    return fault(
        "mlflow-best",
        f"{what}: their metrics are {there}",
        hint=did_you_mean(asked.metric, metrics) or "name one of these",
    )
