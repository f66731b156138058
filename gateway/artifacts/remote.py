"""Where the model of a manifest answers when it is not in the workers: pure data, written by preparing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from gateway.artifacts.remote_tensors import RemoteTensors

RemoteKind: TypeAlias = Literal["process", "upstream", "h2o_server", "ray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """
    Describe a process that the arbiter starts for models: how, and how large it may become.

    `name` is a hash of all that decides about it, so that one name is one and the same process over generations.
    `{socket}` in `argv` stands for the path of its Unix socket, `{models}` for that of the file that tells which models
    it is to serve; whoever starts it chooses both. `environ` is its whole environment.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    working_folder: str = ""
    instances: int = 1
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelArchive:
    """
    Name the file with all that another machine needs to load a model: it lies at `path`, and has this `sha256`.

    `place` is the folder or URL where other machines find it, as `<sha256>.tar`, `egress` what their connections to a
    URL have to fit (`server.egress_allow`).
    """

    path: str
    sha256: str
    place: str
    egress: tuple[str, ...] = ()

    @property
    def copy(self) -> Path | None:
        """Return the copy that other machines read; None where a URL leads to it."""
        return None if "://" in self.place else Path(self.place) / f"{self.sha256}.tar"

    @property
    def is_there(self) -> bool:
        """Say whether the archive is where it was written; what a URL leads to is for the other machines to see."""
        return Path(self.path).exists() and (self.copy is None or self.copy.exists())


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """
    Say where and as what a model answers.

    `urls` are addresses of servers of which each can answer; `child` is the process of ours that serves
    it, where there is one. `binary` says that tensors may travel as bytes, `max_rows` how many rows a request may have
    (0: any number), `tensors` which of them carry what. `headers_from` is the file of headers that requests carry, `ca`
    one of certificates; "" for none. `egress` are the places that connections may lead to; none bound nothing.
    `archive` is what the nodes of a cluster load.
    """

    kind: RemoteKind
    model: str
    urls: tuple[str, ...] = ()
    child: ChildSpec | None = None
    binary: bool = False
    max_rows: int = 0
    tensors: RemoteTensors | None = None
    headers_from: str = ""
    ca: str = ""
    egress: tuple[str, ...] = ()
    archive: ModelArchive | None = None
