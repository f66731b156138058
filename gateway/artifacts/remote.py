"""Where the model of a manifest answers when it is not in the workers: pure data, written by preparing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.artifacts.remote_tensors import RemoteTensors

RemoteKind: TypeAlias = Literal["process", "upstream", "h2o_server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """
    Describe a process that the arbiter starts for models: how, and how large it may become.

    `name` is a hash of all that decides about it, so that one name is one and the same process over generations.
    `{socket}` in `argv` stands for the path of its Unix socket, which whoever starts it chooses. `environ` is its
    whole environment.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    working_folder: str = ""
    instances: int = 1
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """
    Say where and as what a model answers.

    `urls` are addresses of servers of which each can answer; `child` is the process of ours that serves
    it, where there is one. `binary` says that tensors may travel as bytes, `tensors` which of them carry what.
    `headers_from` is the file of headers that requests carry, `ca` one of certificates; "" for none. `egress` are the
    places that connections may lead to; none bound nothing.
    """

    kind: RemoteKind
    model: str
    urls: tuple[str, ...] = ()
    child: ChildSpec | None = None
    binary: bool = False
    tensors: RemoteTensors | None = None
    headers_from: str = ""
    ca: str = ""
    egress: tuple[str, ...] = ()
