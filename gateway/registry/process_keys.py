"""Check the keys of routes whose model runs in a process of its own: loader, files, and code that it may run."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from gateway.artifacts.code_listing import is_code_folder
from gateway.errors import GatewayError
from gateway.registry import files
from gateway.registry.executor_keys import LOCAL, ExecutorKeys
from gateway.registry.values import Document, Entries, Entry, texts_of
from gateway.system.suggest import did_you_mean, listing

#: Stands for "the process finds out", in a spec.
FOUND_BY_PROCESS: Final = "process"
#: Loaders of the server (gateway/child/loading.py).
LOADERS: Final = ("catboost", "lightgbm", "mlflow", "python", "sklearn", "torchscript", "xgboost")


def executor_of(found: Mapping[str, Any], defaults: Mapping[str, Any]) -> ExecutorKeys:
    """Return where the predicts of a route run."""
    keys: ExecutorKeys = found.get("executor", defaults.get("executor", LOCAL))
    return keys


def loader_of(document: Document, entries: Entries, path: str) -> str:
    """Return the loader that a route of kind process names, or what stands for none; notes an unknown one."""
    if not entries.lacks("artifact") and isinstance(entries["artifact"].value.data, list):
        document.fault(
            entries["artifact"].value.span,
            "process-one-file",
            f"route '{path}' names several files, and a process loads one model",
            expected="one file or folder; further ones belong into `files`",
            fix="name the model alone, or delete 'executor'",
        )
    for name in (text for entry in entries.all_of("loader") for text in texts_of(entry.value)):
        if name.raw in LOADERS:
            return name.raw
        document.fault(
            name.span,
            "unknown-loader",
            f"unknown loader '{name.raw}' of route '{path}', whose model runs in a process of its own",
            expected=listing(LOADERS),
            fix=did_you_mean(name.raw, LOADERS) or "delete the key to have it found",
        )
    return FOUND_BY_PROCESS


def check_code(document: Document, entries: Entries, found: Mapping[str, Any], kind: str) -> None:
    """Note an opt-in for code where no process runs it, or without a pin."""
    if not found.get("allow_code"):
        return
    key = entries["allow_code"].key
    if kind != "process":
        document.fault(
            key,
            "code-without-process",
            "'allow_code' lets a model run code, which only a process of its own may",
            expected="`executor: process` beside it",
            fix="add `executor: process`" if entries.lacks("executor") else "delete it",
        )
    elif entries.lacks("sha256"):
        document.fault(
            key,
            "code-without-pin",
            "'allow_code' without a pin would run whatever replaces the file",
            expected="'sha256' beside it",
            fix="add `sha256:` with what `gateway describe` prints as sha256 of the artifact",
        )


def check_environment(document: Document, base: Path, entries: Entries) -> None:
    """Note a requirements file that is absent or cannot be read, an absent environment, and keys that exclude it."""
    for one in entries.all_of("executor"):
        keys = one.value.data
        if not isinstance(keys, Entries):
            continue
        for text in _texts(keys, "requirements"):
            path = files.check_file(document, base, text.raw, text.span, "requirements-missing")
            if path is not None:
                try:
                    # By name: nothing about environments is imported where no route has one.
                    import_module("gateway.environments.requirements").read_requirements(path)
                except GatewayError as error:
                    document.fault(text.span, str(error.code), error.message, fix=error.hint)
        for text in _texts(keys, "environment"):
            if not (base / text.raw).is_dir():
                document.fault(
                    text.span,
                    "environment-broken",
                    f"environment '{text.raw}' is no folder",
                    expected="the folder of a virtualenv, relative to the registry",
                    fix=f"python3 -m venv {text.raw}, and install the packages of the model",
                )


def check_pair(document: Document, entries: Entries, where: str) -> None:
    """Note an environment that is there already beside what one would be built from."""
    for name in ("requirements", "python"):
        if "environment" in entries and name in entries:
            document.fault(
                entries[name].key,
                "environment-twice",
                f"{where} has both 'environment' and '{name}'",
                expected="an environment that is there, or what one is built from",
                fix="delete one of the two",
            )


def pinned(path: Path, found: Mapping[str, Any]) -> bool:
    """Say whether the pin of a route of kind process covers its listed files, as it does for Python code."""
    return found["loader"] == "python" or path.suffix == ".py" or is_code_folder(path)


def _texts(keys: Entries, name: str) -> list[Any]:
    entries: list[Entry] = list(keys.all_of(name))
    return [text for entry in entries for text in texts_of(entry.value)]
