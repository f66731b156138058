"""The command line: `python -m gateway.ray_bridge --address HOST:PORT --models FILE --owner NAME --socket PATH`."""

from gateway.ray_bridge.command import main

main()
