"""Which metrics the gateway has, read from their definitions: the instruments, and the page rendered once in full."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import CurrentState, KeySetRow, ModelRow, ServerRow, render
from gateway.metrics.current_state import STATES
from gateway.metrics.instruments import INSTRUMENTS


@dataclass(frozen=True, slots=True)
class Metric:
    """Describe one family; `name` is what queries use (without `_bucket`, `_sum`, `_count` of a histogram)."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names of its series."""
        if self.kind == "histogram":
            return tuple(self.name + end for end in ("_bucket", "_sum", "_count"))
        return (self.name,)

    @property
    def unit(self) -> str:
        """Return Grafana's word for the unit that the name ends with."""
        if self.name.endswith("_timestamp_seconds"):
            return "dateTimeAsIso"
        base = self.name.removesuffix("_total")
        return "s" if base.endswith("_seconds") else "bytes" if base.endswith("_bytes") else "short"


#: One value of everything that a page can say.
_FULL = CurrentState(
    routes=("r",),
    generation="g",
    models=(ModelRow(route="r", states=dict.fromkeys(STATES, 1), load_seconds=1.0, size_bytes=1),),
    in_flight={"r": 1},
    queue_depth={"r": 1},
    reloads={"committed": 1},
    last_reload_success_at=1.0,
    worker_pss_bytes=1,
    model_servers={"r": ServerRow(ready=1, restarts=0, memory_bytes=1)},
    key_set=KeySetRow(is_up=True, age_s=1.0),
)


def catalogue() -> tuple[Metric, ...]:
    """Return every metric: counters and histograms first, then gauges and facts."""
    return _counted() + _said()


def _counted() -> tuple[Metric, ...]:
    return tuple(
        Metric(one.name + ("_total" if one.kind == "counter" else ""), one.kind, one.documentation, one.labels)
        for one in INSTRUMENTS
    )


def _said() -> tuple[Metric, ...]:
    with tempfile.TemporaryDirectory() as folder:
        page = render(Path(folder), _FULL).decode()
    found = []
    for family in text_string_to_metric_families(page):
        if family.samples:
            first = family.samples[0]
            found.append(Metric(first.name, family.type, family.documentation, tuple(first.labels)))
    return tuple(found)
