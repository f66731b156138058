"""
Memory layout of the scoreboard, in words of 8 bytes.

    header (512 words) | names (routes x 32) | per worker: head (512), then one row per route (80)

An aligned word is stored and read by one instruction, so a reader never sees half a number.
"""

from dataclasses import dataclass
from typing import Final

from gateway.scoreboard.latency import BUCKETS

WORD: Final = 8
MAGIC: Final = int.from_bytes(b"GWBOARD2", "little")

PHASES: Final = ("booting", "serving", "draining")
#: States of a model as a worker reports them, from the one a reader must hear of first.
STATES: Final = ("failed", "loading", "idle", "ready", "unknown")

#: States of the circuit breaker before the servers of a model, from the one a reader must hear of first.
BREAKERS: Final = ("open", "half-open", "closed")

# Words of the header.
H_MAGIC, H_SLOTS, H_ROUTES, H_NAMES_VERSION, HEADER_WORDS = 0, 1, 2, 3, 512

# Words of a name.
N_USED, N_LENGTH, N_TEXT, NAME_WORDS = 0, 1, 2, 32
NAME_BYTES: Final = (NAME_WORDS - N_TEXT) * WORD

# Words of the head of a slot.
S_PID, S_TICKS, S_STARTED, S_HEARTBEAT, S_PHASE, S_PSS, S_STUCK, S_CONNECTIONS = range(8)
S_TEXT_VERSION, S_GENERATION_LENGTH, S_GENERATION = 8, 9, 10  # the text takes four words
S_IN_FLIGHT, SLOT_WORDS = 128, 512
GENERATION_BYTES: Final = 32
IN_FLIGHT_ENTRIES: Final = 64
IN_FLIGHT_WORDS: Final = 2  # route index + 1, start

# Words of a route's row within a slot.
R_BOUND, R_STATE, R_REQUESTS, R_ERRORS, R_SHED, R_IN_FLIGHT, R_QUEUE = range(7)
R_BREAKER = 7  # state of the breaker + 1, 0 where no server is asked
R_EPOCH = 8  # two words: which window of time each window of buckets holds
R_AWAY = 10  # servers of the model that are left out
R_WINDOW = 16  # two windows
ROUTE_WORDS: Final = R_WINDOW + 2 * BUCKETS


@dataclass(frozen=True, slots=True)
class Geometry:
    """Compute positions (in words) for a number of slots and routes."""

    slots: int
    routes: int

    @property
    def size_bytes(self) -> int:
        """Return the size of the file; it is sparse, so that unused rows take no memory."""
        return self.slot(self.slots) * WORD

    def name(self, route: int) -> int:
        """Return the position of the name of a route."""
        return HEADER_WORDS + route * NAME_WORDS

    def slot(self, slot: int) -> int:
        """Return the position of the head of a slot."""
        return self.name(self.routes) + slot * (SLOT_WORDS + self.routes * ROUTE_WORDS)

    def row(self, slot: int, route: int) -> int:
        """Return the position of the row of a route in a slot."""
        return self.slot(slot) + SLOT_WORDS + route * ROUTE_WORDS
