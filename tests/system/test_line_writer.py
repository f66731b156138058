"""Lines that may wait are written together, in order, and none is lost or written twice."""

import os
import select
import threading
from collections.abc import Callable, Iterator

import pytest

from gateway.system.line_writer import LineWriter


@pytest.fixture
def packets() -> Iterator[tuple[LineWriter, Callable[[], list[bytes]]]]:
    """Return a writer into a pipe that keeps writes apart, and what reads all writes so far."""
    reader, writer = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)

    def written() -> list[bytes]:
        found = []
        while select.select([reader], [], [], 0)[0]:
            found.append(os.read(reader, 65536))
        return found

    yield LineWriter(writer), written
    os.close(reader)
    os.close(writer)


def test_lines_wait_for_the_end_of_a_turn(packets: tuple[LineWriter, Callable[[], list[bytes]]]) -> None:
    """Lines of one turn are one write; a line that may not wait goes out at once, behind those before it."""
    writer, written = packets
    writer.add(b"alone\n")
    assert written() == [b"alone\n"]
    turn: list[Callable[[], None]] = []
    writer.defer(turn.append)
    for number in range(3):
        writer.add(b"%d\n" % number)
    assert (written(), len(turn)) == ([], 1)
    writer.write(b"now\n")
    assert written() == [b"0\n1\n2\nnow\n"]
    turn.pop()()
    assert written() == []
    writer.add(b"next\n")
    turn.pop()()
    assert written() == [b"next\n"]


def test_each_write_fits_into_a_pipe_in_one_piece(packets: tuple[LineWriter, Callable[[], list[bytes]]]) -> None:
    """However many lines wait, no write is longer than a pipe takes in one piece, and none ends within a line."""
    writer, written = packets
    lines = [b"%03d" % number + b"x" * (number * 7 % 900) + b"\n" for number in range(60)]
    writer.defer(lambda flush: None)
    for line in lines:
        writer.add(line)
    writer.flush()
    found = written()
    assert b"".join(found) == b"".join(lines)
    assert all(len(one) <= select.PIPE_BUF and one.endswith(b"\n") for one in found)
    assert len(found) < 20


def test_a_forked_process_writes_only_its_own(packets: tuple[LineWriter, Callable[[], list[bytes]]]) -> None:
    """What waits in a process is not written again by one that it forks, not even where a thread was writing."""
    writer, written = packets
    writer.defer(lambda flush: None)
    writer.add(b"parent\n")
    held = threading.Event()
    done = threading.Event()

    def hold() -> None:
        with writer._lock:
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    child = os.fork()
    if child == 0:
        writer.after_fork()
        writer.write(b"child\n")
        os._exit(0)
    os.waitpid(child, 0)
    done.set()
    thread.join()
    writer.flush()
    assert written() == [b"child\n", b"parent\n"]


def test_threads_lose_no_line() -> None:
    """While one thread adds and others write, each line comes out once, and those of a thread in its order."""
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor)
    writer.defer(lambda flush: None)
    received = bytearray()

    def read() -> None:
        while block := os.read(reader, 65536):
            received.extend(block)

    def talk(name: bytes, say: Callable[[bytes], None]) -> None:
        for number in range(1000):
            say(b"%s %d\n" % (name, number))

    taking = threading.Thread(target=read)
    taking.start()
    threads = [threading.Thread(target=talk, args=(name, writer.write)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    talk(b"loop", writer.add)
    for thread in threads:
        thread.join()
    writer.flush()
    os.close(descriptor)
    taking.join()
    os.close(reader)
    lines = bytes(received).splitlines()
    assert len(lines) == 4000
    for name in (b"a", b"b", b"c", b"loop"):
        assert [line for line in lines if line.split()[0] == name] == [
            b"%s %d" % (name, number) for number in range(1000)
        ]
