"""CPU microseconds of a request, in this process: `python -m bench.one_request REGISTRY HOME PATH ROUTE`."""

import json
import os
import sys
from pathlib import Path

from bench.inprocess import ask, make_gateway
from bench.questions import QUESTIONS
from bench.request_cost import request_us


def main() -> None:
    """Print the microseconds of POSTing the question of ROUTE to PATH."""
    registry, home, path, route = sys.argv[1:]
    gateway = make_gateway(Path(registry), Path(home))
    body = json.dumps(QUESTIONS[route].fields).encode()
    code, found = ask(gateway, path, body)  # loads a lazy model
    if code != 200:
        raise SystemExit(f"{path} answered {code}: {found}")
    print(f"{request_us(gateway, path, body, 60):.1f}")
    sys.stdout.flush()
    os._exit(0)  # the pool would wait for calls that never come


if __name__ == "__main__":
    main()
