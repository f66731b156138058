"""The holder keeps the listening sockets while the gateway comes and goes: nobody who connects is refused."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.process import socket_handover, socket_holder
from gateway.process.socket_return import SocketReturn
from serving import free_port, gone, until

Hold = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Return a function that starts holders; they end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*addresses: str) -> "subprocess.Popen[bytes]":
        holder = subprocess.Popen(
            [sys.executable, socket_holder.__file__, tmp_path / "holder.sock", *addresses], stderr=subprocess.PIPE
        )
        started.append(holder)
        return holder

    yield start
    for holder in started:
        holder.kill()
        holder.wait()
        assert holder.stderr is not None
        holder.stderr.close()


def test_connections_wait_while_nobody_accepts(hold: Hold, tmp_path: Path) -> None:
    """A client that comes while no gateway runs is answered by the next one."""
    port = free_port()
    hold(f"127.0.0.1:{port}")
    with socket.socket(fileno=socket_holder.fetch(tmp_path / "holder.sock")[0]) as first:
        first.settimeout(5)
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    client.sendall(b"hello")
    with socket.socket(fileno=socket_holder.fetch(tmp_path / "holder.sock")[0]) as second:
        second.settimeout(5)
        server, _ = second.accept()
        assert server.recv(5) == b"hello"
        server.close()
    client.close()


def test_all_addresses_in_order(hold: Hold, tmp_path: Path) -> None:
    """Several addresses, TCP and Unix, are handed out in the order in which they were given."""
    port, path = free_port(), tmp_path / "gateway.sock"
    hold(f"127.0.0.1:{port}", f"unix:{path}")
    tcp, unix = (socket.socket(fileno=one) for one in socket_holder.fetch(tmp_path / "holder.sock"))
    with tcp, unix:
        assert tcp.getsockname() == ("127.0.0.1", port)
        assert unix.getsockname() == str(path)


def test_taken_port(hold: Hold, tmp_path: Path) -> None:
    """While the port is taken, whoever fetches is told that and what to do; once it is free, the holder has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        hold(f"127.0.0.1:{port}")
        with pytest.raises(OSError, match=rf"{port}.*set GATEWAY_BIND"):
            socket_holder.fetch(tmp_path / "holder.sock", timeout_s=2)
    with socket.socket(fileno=socket_holder.fetch(tmp_path / "holder.sock")[0]) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_sockets_of_a_killed_holder_are_no_obstacle(hold: Hold, tmp_path: Path) -> None:
    """What a killed holder left behind does not keep the next one from starting."""
    port = free_port()
    first = hold(f"127.0.0.1:{port}")
    for one in socket_holder.fetch(tmp_path / "holder.sock"):
        os.close(one)
    first.kill()
    first.wait()
    hold(f"127.0.0.1:{port}")
    for one in socket_holder.fetch(tmp_path / "holder.sock"):
        os.close(one)


def test_only_the_owner_may_fetch(hold: Hold, tmp_path: Path) -> None:
    """The desk where descriptors are handed out is open to the user who runs it and to nobody else."""
    hold(f"127.0.0.1:{free_port()}")
    for one in socket_holder.fetch(tmp_path / "holder.sock"):
        os.close(one)
    assert (tmp_path / "holder.sock").stat().st_mode & 0o777 == 0o600


def test_no_holder(tmp_path: Path) -> None:
    """Without a holder, fetching fails after the time it was given, naming the socket."""
    with pytest.raises(OSError, match=r"holder\.sock does not answer"):
        socket_holder.fetch(tmp_path / "holder.sock", timeout_s=0.2)


@pytest.mark.parametrize("inherited", [signal.default_int_handler, signal.SIG_IGN])
def test_stops_when_told(hold: Hold, tmp_path: Path, inherited: Any) -> None:
    """SIGINT and SIGTERM end it without a traceback, also where a shell in the background had SIGINT ignored."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        before = signal.signal(signal.SIGINT, inherited)
        try:
            holder = hold(f"127.0.0.1:{free_port()}")
        finally:
            signal.signal(signal.SIGINT, before)
        for one in socket_holder.fetch(tmp_path / "holder.sock"):
            os.close(one)
        holder.send_signal(sign)
        until(lambda holder=holder: gone(holder.pid), 10, what="its end")
        assert holder.stderr is not None
        assert b"Traceback" not in holder.stderr.read()


def test_a_living_socket_is_not_taken(hold: Hold, tmp_path: Path) -> None:
    """A second gateway cannot bind the Unix socket on which one listens; it is told, and the first one goes on."""
    path = tmp_path / "gateway.sock"
    with socket_handover.bind_unix(path, 0o660, 1) as first:
        for _ in range(4):  # beyond its backlog, too
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(str(path))
            with pytest.raises(OSError, match=r"cannot listen on unix:.*another process listens there"):
                socket_holder.bind(f"unix:{path}")
        assert first.accept()
    first_gone = socket_holder.bind(f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o660
    first_gone.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_not_deleted(tmp_path: Path, kind: str) -> None:
    """A file, a folder or a link in the place of a Unix socket stays, and the reason is told."""
    path = tmp_path / "precious"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="no socket lies there"):
        socket_holder.bind(f"unix:{path}")
    assert path.is_symlink() or path.exists()


def test_a_path_that_the_kernel_does_not_take(tmp_path: Path) -> None:
    """A path of more bytes than a Unix socket may have is told with that limit."""
    with pytest.raises(OSError, match="107 bytes"):
        socket_holder.bind(f"unix:{tmp_path}/{'x' * 100}")


def test_the_next_holder_gets_the_sockets_of_a_killed_one(hold: Hold, tmp_path: Path) -> None:
    """A gateway gives its listeners to a holder that starts after the last one was killed, names of hosts included."""
    path, port = tmp_path / "holder.sock", free_port()
    first = hold(f"localhost:{port}")
    socket_return = SocketReturn(path, socket_holder.fetch(path))
    socket_return.open()
    first.kill()
    first.wait()
    hold(f"localhost:{port}")
    with socket.socket(fileno=socket_holder.fetch(path)[0]) as listener:
        listener.settimeout(10)
        with socket.create_connection(("127.0.0.1", port)) as client, listener.accept()[0] as served:
            served.sendall(b"x")
            assert client.recv(1) == b"x"
    socket_return.linger()
    socket_return.close()
