"""Checked chunks are kept while there is room; what does not fit is given up whole, and every share comes back."""

import numpy as np
import pytest

from gateway.codecs.chunks import Chunk
from gateway.rest.predict.chunk_cache import ChunkCache, _Allowance
from gateway.rest.predict.chunk_validation import ValidatedChunk
from gateway.schema import Batch


def validated(start: int, rows: int = 100) -> ValidatedChunk:
    """Return a chunk of two columns of numbers, 1,600 bytes of arrays."""
    columns = [["1"] * rows, ["2"] * rows]
    return ValidatedChunk(Chunk(start, rows, ("a", "b"), columns), Batch([np.ones(rows), np.ones(rows)], rows))


def test_chunks_come_back_in_order_and_give_their_share_back() -> None:
    """What was kept is taken once, first in first out."""
    allowance = _Allowance(10_000)
    kept = ChunkCache(inputs=False, allowance=allowance)
    for start in (0, 100, 200):
        kept.add(validated(start))
    assert kept.is_whole
    assert allowance._left == 10_000 - 3 * 1_600
    found = [kept.take() for _ in range(4)]
    assert [one.chunk.start for one in found[:3] if one is not None] == [0, 100, 200]
    assert found[3] is None
    assert allowance._left == 10_000


def test_input_cells_are_kept_only_for_answers_that_repeat_them() -> None:
    """Texts weigh many times their numbers."""
    allowance = _Allowance(100_000)
    without, with_inputs = ChunkCache(inputs=False, allowance=allowance), ChunkCache(inputs=True, allowance=allowance)
    without.add(validated(0))
    left = allowance._left
    with_inputs.add(validated(0))
    assert left - allowance._left > 5 * 1_600
    first, second = without.take(), with_inputs.take()
    assert first is not None
    assert second is not None
    assert (len(first.chunk.columns), len(second.chunk.columns)) == (0, 2)


def test_a_batch_without_room_keeps_nothing_and_takes_nothing_from_others() -> None:
    """All or nothing: half a batch is of no use."""
    allowance = _Allowance(4_000)
    kept = ChunkCache(inputs=False, allowance=allowance)
    for start in (0, 100, 200):
        kept.add(validated(start))
    assert not kept.is_whole
    assert allowance._left == 4_000
    kept.add(validated(300))
    assert allowance._left == 4_000


@pytest.mark.parametrize("taken", [0, 1])
def test_an_answer_that_is_never_read_gives_its_share_back(taken: int) -> None:
    """The share goes with the object."""
    allowance = _Allowance(10_000)
    kept = ChunkCache(inputs=False, allowance=allowance)
    kept.add(validated(0))
    kept.add(validated(100))
    for _ in range(taken):
        kept.take()
    del kept
    assert allowance._left == 10_000
