"""The keys of `server` in registry.yaml."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from gateway.registry.key_definition import Key
from gateway.registry.limit_keys import UNLIMITED_REQUESTS, RequestLimitKeys
from gateway.registry.reading_keys import STRICT, ReadingKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """Hold the `server` section of the registry."""

    cors: Annotated[tuple[str, ...], Key("origins that browsers may call from, or '*'", "text_or_texts")] = ()
    max_body_size: Annotated[int, Key("most bytes of a request body, such as 32MiB", "bytes", minimum=1)] = (
        32 * 1024 * 1024
    )
    errors: Annotated[Literal["full", "redacted"], Key("whether error answers repeat sent values")] = "full"
    strict: Annotated[bool, Key("whether unknown names in a JSON row are faults")] = True
    reading: Annotated[ReadingKeys, Key("how all routes read texts", "section")] = STRICT
    docs: Annotated[bool, Key("whether /docs is served")] = True
    console: Annotated[bool, Key("whether the console is served")] = True
    memory_budget: Annotated[int | None, Key("most bytes of lazily loaded models per worker", "bytes", minimum=1)] = (
        None
    )
    artifact_roots: Annotated[
        tuple[str, ...],
        Key(
            "folders below which every file that a route names has to lie, links resolved, relative to the registry; "
            "anywhere when absent",
            "texts",
        ),
    ] = ()
    egress_allow: Annotated[
        tuple[str, ...],
        Key(
            "hosts, addresses and networks that `upstream`, `ray` and `mlflow:` may connect to, such as `triton:8000` "
            "or `10.0.0.0/8`; any when absent",
            "texts",
        ),
    ] = ()
    limits: Annotated[
        RequestLimitKeys,
        Key(
            "what one caller may use of everything that is no route, and how often the keys and tokens of one address "
            "may be refused",
            "section",
        ),
    ] = UNLIMITED_REQUESTS


#: What holds where the registry has no `server`.
PLAIN: Final = ServerSpec()
