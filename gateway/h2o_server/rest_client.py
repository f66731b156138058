"""Asks the REST interface of an H2O server: upload, models, one frame of rows scored at once, keys deleted."""

import base64
import http.client
import itertools
import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

from gateway.h2o_server.java_server import USER

#: Scoring 100,000 rows takes seconds; a server that takes longer than this hangs.
_ANSWER_S: Final = 120.0
#: Of the server's words in an error.
_MOST_WORDS: Final = 500
Json: TypeAlias = dict[str, Any]


class H2oError(Exception):
    """The server refused; `status` is that of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RestClient:
    """Ask one server on loopback, by connections that are kept alive. Thread-safe."""

    def __init__(self, port: int, password: str, timeout_s: float = _ANSWER_S) -> None:
        self._port = port
        self._timeout_s = timeout_s
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def version(self) -> str:
        """Return the release of a server that is healthy; raises OSError or H2oError while it is not."""
        cloud = self._ask("GET", "/3/Cloud?skip_ticks=true")
        if not cloud.get("cloud_healthy"):
            raise H2oError(503, "the H2O server says that it is not healthy")
        return str(cloud["version"])

    def upload(self, model: bytes) -> str:
        """Send a binary model and return its id, which stands in the model; it replaces one of the same id."""
        key = self._new_key()
        try:
            self._send_file("/3/PostFile.bin", key, model)
            found = self._ask("POST", f"/99/Models.upload.bin/{key}_model", {"dir": key})
        finally:
            self._delete(key)
        return str(found["models"][0]["model_id"]["name"])

    def models(self) -> dict[str, int]:
        """Return id -> time of training of all models that are there."""
        found = self._ask("GET", "/3/Models")
        return {one["model_id"]["name"]: int(one["timestamp"]) for one in found["models"]}

    def model(self, name: str) -> Json:
        """Return what the server says of a model."""
        found: Json = self._ask("GET", f"/3/Models/{quote(name, safe='')}")["models"][0]
        return found

    def score(self, model: str, table: bytes, names: Sequence[str], types: Sequence[str]) -> bytes:
        """Score the rows of a CSV without a header and return a CSV with one; leaves no key behind."""
        key = self._new_key()
        try:
            self._parse(key, table, names, types)
            path = f"/3/Predictions/models/{quote(model, safe='')}/frames/{key}"
            self._ask("POST", path, {"predictions_frame": f"{key}_answer"})
            return self._get(f"/3/DownloadDataset?frame_id={key}_answer")
        finally:
            self._delete(key, f"{key}_rows", f"{key}_answer")

    def echo(self, table: bytes, names: Sequence[str], types: Sequence[str]) -> bytes:
        """Return what the server has read of a CSV."""
        key = self._new_key()
        try:
            self._parse(key, table, names, types)
            return self._get(f"/3/DownloadDataset?frame_id={key}")
        finally:
            self._delete(key, f"{key}_rows")

    def _parse(self, key: str, table: bytes, names: Sequence[str], types: Sequence[str]) -> None:
        self._send_file("/3/PostFile", f"{key}_rows", table)
        self._ask(
            "POST",
            "/3/Parse",
            {
                "destination_frame": key,
                "source_frames": json.dumps([f"{key}_rows"]),
                "parse_type": "CSV",
                "separator": ord(","),
                "single_quotes": "false",
                "check_header": -1,
                "number_columns": len(names),
                "column_names": json.dumps(names),
                "column_types": json.dumps(types),
                "chunk_size": 4 * 2**20,
                "delete_on_done": "true",
                "blocking": "true",
            },
        )

    def _new_key(self) -> str:
        return f"gateway_{os.getpid()}_{next(self._numbers)}"

    def _delete(self, *keys: str) -> None:
        for key in keys:
            with suppress(OSError, H2oError):
                self._ask("DELETE", f"/3/DKV/{key}")

    def _send_file(self, path: str, key: str, content: bytes) -> None:
        mark = f"gateway{os.urandom(16).hex()}"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        self._exchange("POST", f"{path}?destination_frame={key}", body, kind)

    def _get(self, path: str) -> bytes:
        return self._exchange("GET", path)

    def _ask(self, method: str, path: str, form: Mapping[str, object] | None = None) -> Json:
        body = urlencode(form).encode() if form is not None else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        found: Json = json.loads(self._exchange(method, path, body, kind))
        return found

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_s)
        try:
            connection.request(method, path, body, {**self._headers, **(headers or {})})
            answer = connection.getresponse()
            found = answer.read()
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(f"it broke off its answer: {type(error).__name__}") from error
        except BaseException:
            connection.close()  # what it holds may belong to this request
            raise
        with self._lock:
            self._idle.append(connection)
        if answer.status != http.client.OK:
            raise H2oError(answer.status, _words_of(found))
        return found


def _words_of(answer: bytes) -> str:
    """Return the server's own words of an error, without its stack trace."""
    try:
        found = json.loads(answer)
        text = str(found.get("exception_msg") or found.get("msg") or found)
    except (ValueError, AttributeError):
        text = answer.decode(errors="replace")
    return " ".join(text.split())[:_MOST_WORDS]
