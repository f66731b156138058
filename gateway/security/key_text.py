"""The file with the text of one key: what commands send to a running gateway."""

import os
import stat
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError
from gateway.system import files

#: A token of an identity provider has some 2 KB.
_MOST_BYTES: Final = 16 * 1024
_OTHERS: Final = 0o077


def read(path: Path) -> str:
    """Return the key of a file; raises GatewayError `key-file`, which repeats nothing of it."""
    try:
        with files.open_regular(path) as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            content = stream.read(_MOST_BYTES)
    except OSError as error:
        raise _fault(
            path, f"cannot be read: {error.strerror}", "`gateway key create … --out FILE` writes one"
        ) from error
    if mode & _OTHERS:
        raise _fault(path, f"has mode {mode:04o}: others may read or write it", f"chmod 600 {path}")
    text = content.decode("latin-1").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise _fault(path, "holds no key", "write the key alone into it, in one line")
    return text


def write(path: Path, text: str) -> None:
    """Write a new file that only its owner may read; raises GatewayError `key-file` where one is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(f"{text}\n")
        except OSError:
            path.unlink(missing_ok=True)  # a file without its key would be in the way of the next try
            raise
    except (FileExistsError, IsADirectoryError):
        if path.is_dir():
            raise _fault(path, "is a folder", f"name a file in it: {path / 'gateway.key'}") from None
        raise _fault(path, "is there already", "delete it, or name another one") from None
    except OSError as error:
        raise _fault(
            path, f"cannot be written: {error.strerror}", "name a file where you have room and rights"
        ) from error


def _fault(path: Path, what: str, hint: str) -> GatewayError:
    return GatewayError(f"the file {path} of a key {what}", code="key-file", hint=hint)
