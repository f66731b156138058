"""Play a crowd of bad neighbours in a process of its own: `neighbours.py KIND COUNT PORT SECONDS`."""

import asyncio
import sys

from clients import crowd

asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
