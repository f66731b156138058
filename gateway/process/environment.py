"""Set the environment variables that libraries read at import (native threads, logs), before any framework."""

import os

from gateway import logs
from gateway.settings.settings import Settings


def configure_process(settings: Settings) -> None:
    """Cap native threads and configure logging; call it first in every command that loads or serves."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ.setdefault(name, str(settings.native_threads))
    logs.configure(settings.log_level, settings.log_format, access=settings.access_log)
