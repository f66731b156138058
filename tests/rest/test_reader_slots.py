"""Few XLSX and Parquet files are read at a time; others wait for their turn, and are told so in the end."""

import time
from collections.abc import Iterator

import pytest

from gateway.errors import OverloadError
from gateway.rest.predict import reader_slots
from together import MODES, Mode, nap, together

MIB = 2**20


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    """Allow two readers, as the default does."""
    reader_slots.allow(2048 * MIB)
    yield
    reader_slots.allow(2048 * MIB)


def test_who_finds_no_seat_is_told_when_to_come_back() -> None:
    """Beyond the deadline a file is refused with 503; a seat that was given back, or forgotten, serves the next."""
    soon = time.monotonic() + 0.05
    first, second = reader_slots.Seat(soon), reader_slots.Seat(soon)
    with pytest.raises(OverloadError) as refused:
        reader_slots.Seat(time.monotonic() + 0.05)
    assert refused.value.code == "readers-full"
    assert refused.value.retry_after_s >= 1
    first.release()
    first.release()
    third = reader_slots.Seat(time.monotonic() + 5)
    del second
    fourth = reader_slots.Seat(time.monotonic() + 5)
    with pytest.raises(OverloadError):
        reader_slots.Seat(time.monotonic() + 0.05)
    third.release()
    fourth.release()


@pytest.mark.parametrize("mode", MODES)
def test_a_file_waits_for_its_turn(mode: Mode) -> None:
    """Of more files than seats, at most so many are read at once, and all are."""
    reading: list[int] = []
    most: list[int] = []

    def read() -> None:
        seat = reader_slots.Seat(time.monotonic() + 30)
        reading.append(1)
        most.append(len(reading))
        nap(mode, 0.02)
        reading.pop()
        seat.release()

    together(mode, [read] * 8)
    assert len(most) == 8
    assert max(most) == 2


def test_memory_says_how_many() -> None:
    """Each reader may take 1 GiB, and one is always allowed."""
    reader_slots.allow(1024 * MIB)
    only = reader_slots.Seat(time.monotonic() + 1)
    with pytest.raises(OverloadError):
        reader_slots.Seat(time.monotonic() + 0.05)
    only.release()
