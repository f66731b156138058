"""Write MLflow stores of files, as MLflow 1.26 and its registry wrote them; mlflow itself is not needed for that."""

import json
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import yaml

#: A folder of a machine that nobody has: what MLflow on Windows wrote into the metadata of a run.
WINDOWS = "file:///C:/Users/me/insurance/mlruns"
STATUS = {"FINISHED": 3, "FAILED": 4, "RUNNING": 1}


class FileStore:
    """Write experiments, runs and registered versions below one folder."""

    def __init__(self, folder: Path, address: str = "") -> None:
        self.folder = folder
        self.address = address or folder.as_uri()
        folder.mkdir(parents=True)
        self.experiment("0", "Default")

    def experiment(self, number: str, name: str) -> None:
        """Add an experiment."""
        meta = {"artifact_location": f"{self.address}/{number}", "experiment_id": number, "name": name}
        _write(self.folder / number / "meta.yaml", meta | {"lifecycle_stage": "active"})

    def run(
        self, run_id: str, experiment: str = "0", *, status: str = "FINISHED", stage: str = "active", **metrics: Any
    ) -> Path:
        """Add a run and return the folder of its artifacts."""
        folder = self.folder / experiment / run_id
        meta = {
            "artifact_uri": f"{self.address}/{experiment}/{run_id}/artifacts",
            "start_time": 1655000000000,
            "end_time": 1655000009000,
            "entry_point_name": "",
            "experiment_id": experiment,
            "lifecycle_stage": stage,
            "name": "",
            "run_id": run_id,
            "run_uuid": run_id,
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "status": STATUS[status],
            "tags": [],
            "user_id": "me",
        }
        _write(folder / "meta.yaml", meta)
        for part in ("metrics", "params", "tags", "artifacts"):
            (folder / part).mkdir()
        for name, value in metrics.items():
            (folder / "metrics" / name).write_text(f"1655000005000 {value} 0\n")
        return folder / "artifacts"

    def log_model(self, run_id: str, model: Path, experiment: str = "0", path: str = "model") -> None:
        """Note that a run logged a model, which lies among its artifacts."""
        tag = self.folder / experiment / run_id / "tags" / "mlflow.log-model.history"
        logged = json.loads(tag.read_text()) if tag.exists() else []
        tag.write_text(json.dumps([*logged, {"run_id": run_id, "artifact_path": path, "flavors": {}}]))
        assert model.is_dir()

    def version(self, name: str, number: int, run_id: str, experiment: str = "0", **more: Any) -> None:
        """Register the model of a run."""
        model = self.folder / "models" / name
        if not (model / "meta.yaml").exists():
            times = {"creation_timestamp": 1, "last_updated_timestamp": 1, "description": ""}
            _write(model / "meta.yaml", {"name": name, **times})
        meta = {
            "creation_timestamp": 1,
            "current_stage": "None",
            "description": "",
            "last_updated_timestamp": 1,
            "name": name,
            "run_id": run_id,
            "run_link": "",
            "source": f"{self.address}/{experiment}/{run_id}/artifacts/model",
            "status": "READY",
            "status_message": "",
            "user_id": "",
            "version": number,
        }
        _write(model / f"version-{number}" / "meta.yaml", meta | more)

    def alias(self, name: str, alias: str, number: int) -> None:
        """Let an alias name a version."""
        path = self.folder / "models" / name / "aliases" / alias
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))


def _write(path: Path, meta: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(meta))


def lightgbm_folder(folder: Path, slope: float) -> Path:
    """Write an MLflow folder with a LightGBM regressor of `slope` times `a`, as MLflow 1 wrote it."""
    rows = np.random.default_rng(3).normal(size=(80, 1))
    data = lightgbm.Dataset(rows, rows[:, 0] * slope, feature_name=["a"], params={"verbose": -1})
    folder.mkdir(parents=True)
    lightgbm.train({"verbose": -1, "num_threads": 1}, data, 3).save_model(str(folder / "model.lgb"))
    keys = {"data": "model.lgb", "lgb_version": "3.3.2"}
    pyfunc = {"loader_module": "mlflow.lightgbm", "data": "model.lgb", "env": "conda.yaml"}
    described = {"artifact_path": "model", "flavors": {"lightgbm": keys, "python_function": pyfunc}}
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    return folder


def h2o_folder(folder: Path) -> Path:
    """Write an MLflow folder with a binary H2O model, as `mlflow.h2o.log_model` of MLflow 1.26 wrote it."""
    (folder / "model.h2o").mkdir(parents=True)
    (folder / "model.h2o" / "StackedEnsemble_AllModels_4").write_bytes(b"\xce\xfa" + bytes(64))
    (folder / "model.h2o" / "h2o.yaml").write_text("model_file: StackedEnsemble_AllModels_4\n")
    pyfunc = {"loader_module": "mlflow.h2o", "data": "model.h2o", "env": "conda.yaml"}
    flavours = {"h2o": {"data": "model.h2o", "h2o_version": "3.34.0.3"}, "python_function": pyfunc}
    (folder / "MLmodel").write_text(yaml.safe_dump({"artifact_path": "model", "flavors": flavours}))
    return folder
