"""
Read an MLflow store through MLflow's client: registered versions, runs, and where their models lie.

Runs only in the child (store_child.py). Every fault names what was asked for and what exists.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import mlflow
from mlflow.entities import LifecycleStage, Run, RunStatus
from mlflow.exceptions import MlflowException

from gateway.artifacts.mlflow_reference import Reference
from gateway.errors import ArtifactError
from gateway.references.model_places import Place, leaving_link, models_of, place_of, relocated
from gateway.references.store_questions import Found
from gateway.system.suggest import did_you_mean, listing

#: Names of models, versions or artifacts that an error lists.
_SHOWN: Final = 8
_UNKNOWN: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "ENDPOINT_NOT_FOUND", "NOT_FOUND"})
_FINISHED: Final = RunStatus.to_string(RunStatus.FINISHED)


class StoreReader:
    """Answer what references name; `roots` are folders in which artifacts may lie that were moved with their store."""

    def __init__(self, client: "mlflow.MlflowClient", roots: Iterable[Path]) -> None:
        self.client = client
        self.roots = tuple(roots)

    def registered(self, asked: Reference) -> tuple[Found, Place]:
        """Return a registered version by its alias or number, and the place of its artifacts."""
        model = self._model(asked)
        version = asked.version or self._aliased(asked, model)
        try:
            found = self.client.get_model_version(asked.name, version)
        except MlflowException as error:
            raise_unless_unknown(error)
            raise self._no_version(asked, version) from error
        if found.status != "READY":
            raise fault(
                "mlflow-version",
                f"version {version} of model '{asked.name}' is {found.status}, not READY",
                hint="finish or delete that version, or name another one",
            )
        exact = f"mlflow:models:/{asked.name}/{version}"
        place = place_of(self.client.get_model_version_download_uri(asked.name, version))
        return Found(
            reference=asked.text, exact=exact, name=asked.name, version=str(version), run_id=found.run_id or ""
        ), place

    def of_run(self, asked: Reference) -> tuple[Found, Place]:
        """Return a path of a run and the place of its artifacts; the run may not be deleted."""
        run = self.run(asked.run_id)
        notes = () if run.info.status == _FINISHED else (f"run {asked.run_id} has the status {run.info.status}",)
        found = Found(reference=asked.text, exact=asked.text, run_id=asked.run_id, notes=notes)
        return found, self.place_in(run, asked.path)

    def run(self, run_id: str) -> Run:
        """Return a run that is not deleted."""
        try:
            run = self.client.get_run(run_id)
        except MlflowException as error:
            raise_unless_unknown(error)
            raise fault(
                "mlflow-run",
                f"the store has no run '{run_id}'",
                hint="take the id of a run from MLflow, or name a version",
            ) from error
        if run.info.lifecycle_stage == LifecycleStage.DELETED:
            raise fault(
                "mlflow-run", f"run '{run_id}' is deleted", hint=f"restore it: mlflow runs restore --run-id {run_id}"
            )
        return run

    def place_in(self, run: Run, path: str) -> Place:
        """Return the place of a path in a run, which may be a logged model or any other artifact."""
        models = dict(models_of(self.client, run))
        if path in models:
            return models[path]
        artifacts = self._artifacts_of(run, path)
        if path in artifacts:
            return Place(str(run.info.artifact_uri).rstrip("/"), path)
        there = sorted({*models, *artifacts})
        holds = f"it holds {listing(there[:_SHOWN], 'and')}" if there else "it holds nothing"
        raise fault(
            "mlflow-artifact",
            f"run '{run.info.run_id}' has no artifact '{path}': {holds}",
            hint=did_you_mean(path, there) or "name a path that the run holds",
        )

    def only_model_of(self, run: Run) -> str:
        """Return the path of the one model that a run logged."""
        models = sorted(dict(models_of(self.client, run)))
        if len(models) == 1:
            return models[0]
        if not models:
            raise fault(
                "mlflow-artifact",
                f"run '{run.info.run_id}' logged no model",
                hint="log the model in the run, narrow the runs with filter=, or name its file with &path=",
            )
        raise fault(
            "mlflow-artifact",
            f"run '{run.info.run_id}' logged {len(models)} models: {listing(models[:_SHOWN], 'and')}",
            hint=f"name one: &path={models[0]}",
        )

    def fetch(self, place: Place, scratch: Path) -> Path:
        """
        Return where an artifact lies on this machine, after a download where it is elsewhere.

        Raises ArtifactError for links out of the store: MLflow copies what it logs, so what they lead to never was.
        """
        local = relocated(place.address, self.roots)
        if local is None:
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=place.address, dst_path=str(scratch)))
        link = leaving_link(local, place.inner)
        if link is not None:
            raise fault(
                "mlflow-artifact",
                f"'{link}' is a link that leads out of the store, to {link.resolve()}",
                hint="put the file itself in its place, or log it with mlflow.log_artifact, which copies it",
            )
        return local

    def _model(self, asked: Reference) -> Any:
        try:
            return self.client.get_registered_model(asked.name)
        except MlflowException as error:
            raise_unless_unknown(error)
            names = sorted(one.name for one in self.client.search_registered_models(max_results=100))
            there = f"it has {listing(names[:_SHOWN], 'and')}" if names else "it has none"
            raise fault(
                "mlflow-model",
                f"the store has no registered model '{asked.name}': {there}",
                hint=did_you_mean(asked.name, names) or "register the model, or name its run: mlflow:runs:/RUN_ID/PATH",
            ) from error

    def _aliased(self, asked: Reference, model: Any) -> str:
        aliases = {str(name): str(version) for name, version in dict(model.aliases).items()}
        if asked.alias in aliases:
            return aliases[asked.alias]
        there = [f"{name} (version {version})" for name, version in sorted(aliases.items())]
        holds = f"its aliases are {listing(there[:_SHOWN], 'and')}" if there else "it has no alias"
        raise fault(
            "mlflow-alias",
            f"model '{asked.name}' has no alias '{asked.alias}': {holds}",
            hint=did_you_mean(asked.alias, aliases)
            or f"set it in MLflow: client.set_registered_model_alias('{asked.name}', '{asked.alias}', VERSION)",
        )

    def _no_version(self, asked: Reference, version: str) -> ArtifactError:
        name = asked.name.replace("'", "\\'")
        numbers = sorted(int(one.version) for one in self.client.search_model_versions(f"name='{name}'"))
        shown = ", ".join(map(str, numbers[-_SHOWN:]))
        there = f"the newest are {shown}" if len(numbers) > _SHOWN else f"it has {shown or 'none'}"
        return fault(
            "mlflow-version",
            f"model '{asked.name}' has no version {version}: {there}",
            hint=f"name one that exists: mlflow:models:/{asked.name}/{numbers[-1] if numbers else 'VERSION'}",
        )

    def _artifacts_of(self, run: Run, path: str) -> set[str]:
        """Return the artifacts at the top of a run and in the folder of a path."""
        folders = ["", *(parent.as_posix() for parent in Path(path).parents if parent != Path())]
        return set(self._listed(run, folders))

    def _listed(self, run: Run, folders: Iterable[str]) -> Iterator[str]:
        local = relocated(str(run.info.artifact_uri), self.roots)
        for folder in folders:
            if local is not None:
                there = local / folder
                yield from (f"{folder}/{one.name}".lstrip("/") for one in there.iterdir()) if there.is_dir() else ()
            else:
                yield from (one.path for one in self.client.list_artifacts(run.info.run_id, folder or None))


def raise_unless_unknown(error: MlflowException) -> None:
    """Raise an error of the store again, unless it says that there is no such thing."""
    if error.error_code not in _UNKNOWN:
        raise error


def fault(code: str, message: str, *, hint: str) -> ArtifactError:
    """Return the error of a reference that the store answered, but that names nothing that can be served."""
    return ArtifactError(message, code=code, hint=hint)
