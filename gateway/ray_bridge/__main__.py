"""The command line: `gateway-ray --address HOST:PORT --state FOLDER --models FILE --socket PATH`."""

import importlib
import importlib.util
import sys
from typing import NoReturn


def start() -> NoReturn:
    """Serve until SIGTERM, or say that Ray is not here."""
    if importlib.util.find_spec("ray") is None:
        sys.exit(
            "gateway-ray: no Ray in this environment; fix: pip install 'multi-model-gateway[ray]' in one of its own"
        )
    # By name: it imports Ray.
    importlib.import_module("gateway.ray_bridge.command").main()
    sys.exit()


if __name__ == "__main__":
    start()
