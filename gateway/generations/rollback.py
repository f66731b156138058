"""Rollback: commit an earlier generation again, if all of its artifacts are still there and right."""

import time

from gateway.errors import GatewayError
from gateway.generations import history, snapshot
from gateway.generations.history import Event
from gateway.generations.place import Place, is_kept
from gateway.generations.reload_decision import event_of, previous
from gateway.generations.staging import staged
from gateway.generations.upgrade_check import still_right
from gateway.registry.document import registry_hash
from gateway.system import obstacles


def roll_back(place: Place, generation: str | None = None) -> Event:
    """
    Commit an earlier generation: the one named, or the one before the committed one.

    It holds, also over restarts, until registry.yaml changes. Raises GatewayError where there is none.
    """
    started = time.monotonic()
    with place.turn():
        before = snapshot.committed(place.state_dir)
        wanted = generation or previous(history.events(place.state_dir), before.id if before else None)
        made = snapshot.load(place.state_dir, wanted) if wanted else None
        if made is None:
            raise GatewayError(
                f"there is no generation {wanted or 'before this one'}",
                code="no-generation",
                hint="gateway history lists them",
            )
        if not is_kept(place, made):
            raise GatewayError(
                f"generation {made.id} cannot be served: artifacts of it are no longer in {place.cache_dir}",
                code="generation-gone",
                hint="put the artifacts back where they were, or roll back to another one: gateway history",
            )
        made = still_right(made, place.cache_dir, place.limits)
        try:
            # A person asked for exactly this one: a server of it that does not start is told, and no reason to stay.
            with staged(place.status_path, before, made, place.limits.timeout_s) as missing:
                snapshot.commit(place.state_dir, made)
        except OSError as error:
            why, hint = obstacles.told(place.state_dir, error)
            raise GatewayError(f"cannot write {place.state_dir}: {why}", code="state-unwritable", hint=hint) from error
        event = event_of("rolled-back", before, made, reason=missing, registry_sha256=registry_hash(place.registry))
        return history.record(place.state_dir, event, source="gateway rollback", started=started)
