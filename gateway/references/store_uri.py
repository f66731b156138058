"""The address of an MLflow store: its default, and its text without credentials."""

import re
from pathlib import Path
from typing import Final

_SQLITE: Final = "sqlite:///"
_USER_INFO: Final = re.compile(r"(?<=://)[^/\s'\"]*@")
_QUERY: Final = re.compile(r"(\w+://[^\s?'\"]*)\?[^\s'\")]*")


def store_uri(told: str | None, base: Path) -> str:
    """
    Return the address that is asked: the one of GATEWAY_MLFLOW_URI, else `mlruns/mlflow.db` beside the registry.

    Where there is no database but a folder of runs as MLflow 1 and 2 wrote it, that folder.
    """
    if told:
        return told
    folder = base / "mlruns"
    if not (folder / "mlflow.db").exists() and any(folder.glob("*/meta.yaml")):
        return str(folder)
    return f"{_SQLITE}{folder / 'mlflow.db'}"


def sqlite_path(uri: str, base: Path) -> Path | None:
    """Return the file of a SQLite store; None for every other store. Relative paths start from `base`."""
    if not uri.startswith(_SQLITE):
        return None
    return base / uri.removeprefix(_SQLITE).partition("?")[0]


def folder_path(uri: str, base: Path) -> Path | None:
    """Return the folder of a file store; None for every other store."""
    if uri.startswith("file:"):
        return base / re.sub(r"^file:(//(localhost)?(?=/))?", "", uri)
    return base / uri if "://" not in uri and not uri.startswith("databricks") else None


def local_folders(uri: str, base: Path) -> list[str]:
    """Return the folders of a store on this machine, in which its artifacts lie; none for every other store."""
    database, folder = sqlite_path(uri, base), folder_path(uri, base)
    if database is not None:
        return [str(database.parent)]
    return [] if folder is None else [str(folder)]


def has_credentials(uri: str) -> bool:
    """Say whether an address names a user or a password."""
    return _USER_INFO.search(uri) is not None


def without_credentials(text: str) -> str:
    """Return a text in which no address carries a user, a password or a query."""
    return _QUERY.sub(r"\1", _USER_INFO.sub("", text)) if "://" in text else text
