"""Starts the Java server of H2O on loopback, protected by a password, and ends it."""

import hashlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.system import parent_death
from gateway.system.fork_lock import FORK_LOCK

USER: Final = "gateway"
#: Two adjoining ports are needed; another process may take one between the look and the start.
_PORT_TRIES: Final = 20

log = logging.getLogger("gateway.h2o_server")


@dataclass(frozen=True, slots=True)
class JavaServer:
    """Hold a started server: its process, where it listens, and the password."""

    process: "subprocess.Popen[bytes]"
    port: int
    password: str

    def end(self) -> None:
        """Kill the server; it keeps nothing that is not elsewhere."""
        self.process.kill()
        self.process.wait()


def start_java(jar: Path, memory_bytes: int, scratch: Path, program: str = "java") -> JavaServer:
    """
    Start the server; its files lie below `scratch`, an empty private folder.

    Listens on 127.0.0.1 alone: H2O's own default is every address. It ends with this process.
    """
    password = secrets.token_hex(16)
    login = scratch / "login.properties"
    login.touch(mode=0o600)
    login.write_text(f"{USER}: MD5:{hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()}\n")
    port = _free_port()
    options = {
        "-ip": "127.0.0.1",
        "-web_ip": "127.0.0.1",
        "-port": str(port),
        # Servers of the same name that find each other become one.
        "-name": f"gateway-{secrets.token_hex(8)}",
        "-ice_root": str(scratch),
        "-flow_dir": str(scratch),
        "-log_level": "WARN",
        "-login_conf": str(login),
    }
    java = [program, f"-Xmx{memory_bytes}", "-Xrs", "-XX:+ExitOnOutOfMemoryError", f"-Djava.io.tmpdir={scratch}"]
    words = [*java, "-jar", str(jar), "-hash_login", *(word for pair in options.items() for word in pair)]
    # Ends with this process, even if that is killed.
    with_parent = [sys.executable, "-I", "-S", parent_death.__file__, str(signal.SIGKILL.value), str(os.getpid())]
    with FORK_LOCK:
        process = subprocess.Popen(
            [*with_parent, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=scratch,
        )
    threading.Thread(target=_pass_on, args=(process,), name="java log", daemon=True).start()
    return JavaServer(process, port, password)


def _pass_on(java: "subprocess.Popen[bytes]") -> None:
    """Read all that the server says, and log what is an error."""
    for line in java.stdout or ():
        text = line.decode(errors="replace").strip()
        if " ERRR " in text or " FATAL " in text or "OutOfMemory" in text:
            log.error("the H2O server says: %s", text[:500])


def _free_port() -> int:
    for _ in range(_PORT_TRIES):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise OSError("no two adjoining ports are free on 127.0.0.1")
