"""What the settings of a command say about where a gateway lies, and about its limits."""

from functools import partial

from gateway.generations.place import Place
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.process.exposure import must_not_be_open
from gateway.references.store_access import StoreAccess
from gateway.settings.settings import Settings


def limits_of(settings: Settings) -> PrepareLimits:
    """Return the limits of a prepare child."""
    return PrepareLimits(
        timeout_s=settings.prepare_timeout_s,
        memory_bytes=settings.prepare_memory_mb * 2**20,
        cache_bytes=settings.cache_mb * 2**20,
        environment_s=settings.environment_timeout_s,
    )


def place_of(settings: Settings) -> Place:
    """Return the registry, folders, limits and store with which a transaction works."""
    return Place(
        registry=settings.registry,
        state_dir=settings.state_dir,
        cache_dir=settings.cache_dir,
        root_path=settings.root_path,
        limits=limits_of(settings),
        store=StoreAccess(
            uri=settings.mlflow_uri, timeout_s=settings.mlflow_timeout_s, credentials=settings.mlflow_credentials
        ),
        status_path=settings.status_path,
        check_settings=partial(must_not_be_open, settings),
    )
