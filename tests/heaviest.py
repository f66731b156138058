"""
The largest, slowest and most nested bodies that each codec, dialect and endpoint is asked to read.

Made from one size, so that the tests send short ones and `bench.longest_stop` the largest that a gateway takes. Knows
requests and what they are answered; starts nothing.
"""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

LEVELS = tuple(f"a-level-with-a-rather-long-name-{number:03d}" for number in range(100))
#: The routes that are asked. `/probe` answers how long the event loop stood still since it was asked before, in ms.
REGISTRY = f"""
version: 1
server: {{max_body_size: 64MiB}}
routes:
  /text: {{artifact: "text.py:predict", inputs: {{query: {{type: string}}}}}}
  /row:
    artifact: "row.py:predict"
    inputs:
      level: {{type: string, enum: [{", ".join(LEVELS)}]}}
      mail: {{type: string, pattern: '^(a+)+$', required: false, default: a}}
  /number: {{artifact: "number.py:predict"}}
  /probe: {{artifact: "probe.py:predict"}}
"""
CODE = {
    "text.py": "def predict(query: str) -> int:\n    return len(query)\n",
    "row.py": "def predict(level: str, mail: str = 'a') -> int:\n    return len(level)\n",
    "number.py": "def predict(a: float) -> float:\n    return a\n",
    "probe.py": """
import gc, threading, time
from gevent.hub import Hub

longest = [0.0]

def watch():
    hub = next(one for one in gc.get_objects() if isinstance(one, Hub))
    while True:
        began = time.perf_counter()
        seen = threading.Event()
        hub.loop.run_callback_threadsafe(seen.set)
        seen.wait()
        longest[0] = max(longest[0], time.perf_counter() - began)
        time.sleep(0.001)

threading.Thread(target=watch, daemon=True).start()

def predict(x: float) -> float:
    found, longest[0] = longest[0] * 1e3, 0.0
    return found
""",
}
JSON, FORM, CSV = "application/json", "application/x-www-form-urlencoded", "text/csv"
NDJSON, PARQUET = "application/x-ndjson", "application/vnd.apache.parquet"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BINARY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Heavy:
    """One request and the statuses that may answer it."""

    name: str
    path: str
    kind: str
    body: bytes | None
    statuses: tuple[int, ...]
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def heaviest(size: int) -> Iterator[Heavy]:
    """Yield the requests with bodies of about `size` bytes."""
    yield from _json(size)
    yield from _forms(size)
    yield from _tables(size)
    yield from _v2(size)
    yield from _mlflow(size)
    yield from _coded(size)
    yield from _heads()


def _repeat(start: bytes, part: bytes, size: int, end: bytes) -> bytes:
    return start + part * (size // len(part)) + end


def _json(size: int) -> Iterator[Heavy]:
    def one(name: str, path: str, body: bytes, *statuses: int) -> Heavy:
        return Heavy(f"JSON: {name}", path, JSON, body, statuses)

    yield one("one text", "/text", _repeat(b'{"query":"', b"word ", size, b'"}'), 200)
    yield one("one text of escapes", "/text", _repeat(b'{"query":"', b"\\u00e9", size, b'"}'), 200)
    yield one("a text without end", "/text", _repeat(b'{"query":"', b"x", size, b""), 400)
    yield one("backslashes without end", "/text", _repeat(b'{"query":"', b"\\\\", size, b""), 400)
    yield one("a number of many digits", "/number", _repeat(b'{"a":', b"9", size, b"}"), 400)
    yield one("lists in lists", "/number", b"[" * size, 400)
    yield one("objects in objects", "/number", _repeat(b"", b'{"a":', size, b""), 400)
    yield one("empty objects", "/number", _repeat(b"[", b"{},", size, b"{}]"), 413)
    yield one("empty lists", "/number", _repeat(b"[", b"[],", size, b"[]]"), 413)
    yield one("numbers", "/number", _repeat(b'{"data":[', b"1,", size, b"1]}"), 400)
    yield one("unknown names", "/row", b"{" + b",".join(b'"n%d":1' % n for n in range(size // 12)) + b"}", 400)
    yield one("NaN at the end", "/text", _repeat(b'[{"query":"', b"x", size, b'"},NaN]'), 400)
    yield one("one name twice", "/number", _repeat(b"[", b'{"a":1,"a":2},', size, b"{}]"), 400, 413)
    yield one("texts with colons", "/text", _repeat(b"[", b'{"query":":::::"},', size, b'{"query":""}]'), 400, 413)
    wrong = json.dumps([{"level": f"a-level-with-a-rather-lung-name-{n % 100:03d}x"} for n in range(100)]).encode()
    yield one("levels nearly right", "/row", wrong, 400)
    yield one("a pattern that backtracks", "/row", b'{"level":"x","mail":"' + b"a" * 999 + b'!"}', 400)


def _forms(size: int) -> Iterator[Heavy]:
    yield Heavy("form: one text", "/text", FORM, _repeat(b"query=", b"x", size, b""), (200, 413))
    yield Heavy("form: percents", "/text", FORM, _repeat(b"query=", b"%41", size, b""), (200, 413))
    yield Heavy("form: fields", "/text", FORM, _repeat(b"query=a", b"&a=", size, b""), (400, 413))
    kind, edge = "multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name="
    parts = _repeat(b"", edge + b'"a"\r\n\r\n1\r\n', size, b"--b--\r\n")
    yield Heavy("multipart: parts", "/text", kind, parts, (413,))
    text = _repeat(edge + b'"query"\r\n\r\n', b"x", size, b"\r\n--b--\r\n")
    yield Heavy("multipart: one text", "/text", kind, text, (200, 413))
    head = _repeat(edge + b'"query', b"x", size, b'"\r\n\r\n1\r\n--b--\r\n')
    yield Heavy("multipart: one head", "/text", kind, head, (400, 413))
    yield Heavy("multipart: no edge", "/text", kind, _repeat(b"", b"\r\n--c", size, b""), (400, 413))
    table = _repeat(edge + b'"file"; filename="a.csv"\r\n\r\nquery\r\n', b"x\r\n", size, b"\r\n--b--\r\n")
    yield Heavy("multipart: a file", "/text", kind, table, (200, 413))


def _tables(size: int) -> Iterator[Heavy]:
    yield Heavy("CSV: one cell", "/text", CSV, _repeat(b'query\r\n"', b"x", size, b'"\r\n'), (200, 400))
    yield Heavy("CSV: a quote without end", "/text", CSV, _repeat(b'query\r\n"', b"x\r\n", size, b""), (400,))
    yield Heavy("CSV: columns", "/text", CSV, _repeat(b"query", b",a", size, b"\r\n1"), (400, 413))
    yield Heavy("CSV: cells of a row", "/text", CSV, _repeat(b"query\r\n", b",", size, b""), (400, 413))
    yield Heavy("CSV: rows", "/text", CSV, _repeat(b"query\r\n", b"a\n", size, b""), (200, 413))
    yield Heavy("CSV: line ends", "/text", CSV, _repeat(b"query\r\n", b"\n", size, b"a"), (200, 400, 413))
    yield Heavy("NDJSON: one text", "/text", NDJSON, _repeat(b'{"query":"', b"x", size, b'"}'), (200,))
    yield Heavy("NDJSON: lists in lists", "/text", NDJSON, b"[" * size, (400,))
    yield Heavy("NDJSON: a text without end", "/text", NDJSON, _repeat(b'{"query":"', b"x", size, b""), (400,))
    yield Heavy("NDJSON: lines", "/text", NDJSON, _repeat(b"", b"{}\n", size, b""), (400, 413))
    yield Heavy("XLSX: a shared text", "/text", XLSX, workbook_bomb(4_000, 200_000), (413,))
    yield Heavy("Parquet: one value", "/text", PARQUET, parquet_bomb(), (413,))


def _v2(size: int) -> Iterator[Heavy]:
    path = "/v2/models/{}/infer"

    def tensor(datatype: str, shape: list[int], **more: Any) -> bytes:
        return json.dumps({"inputs": [{"name": "a", "datatype": datatype, "shape": shape, **more}]}).encode()

    count = size // 2
    numbers = tensor("FP64", [count], data=[]).replace(b"[]", b"[" + b"1," * (count - 1) + b"1]")
    yield Heavy("V2: numbers", path.format("number"), JSON, numbers, (200, 413))
    yield Heavy("V2: a shape without data", path.format("number"), JSON, tensor("FP64", [2**62], data=[1]), (413,))
    yield Heavy("V2: lists in lists", path.format("number"), JSON, b'{"inputs":' + b"[" * size, (400,))
    long_id = _repeat(b'{"id":"', b"x", size, b'","inputs":[{"name":"a","datatype":"FP64","shape":[1],"data":[1]}]}')
    yield Heavy("V2: a long id", path.format("number"), JSON, long_id, (200, 400))
    for name, raw in (("texts", struct.pack("<I", 1) + b"x"), ("empty texts", b"\0\0\0\0")):
        head = {"name": "query", "datatype": "BYTES", "shape": [size // len(raw)]}
        rest = raw * (size // len(raw))
        text = json.dumps({"inputs": [head | {"parameters": {"binary_data_size": len(rest)}}]}).encode()
        length = {"Inference-Header-Content-Length": str(len(text))}
        yield Heavy(f"V2: {name} in bytes", path.format("text"), BINARY, text + rest, (200, 400, 413), length)
    lie = tensor("BYTES", [1], parameters={"binary_data_size": 8}).replace(b'"a"', b'"query"')
    length = {"Inference-Header-Content-Length": str(len(lie))}
    yield Heavy("V2: a length that lies", path.format("text"), BINARY, lie + b"\xff" * 8, (400,), length)
    wanted = _repeat(b'{"outputs":[', b'{"name":"prediction"},', size, b'{"name":"x"}],')
    outputs = wanted + b'"inputs":[{"name":"a","datatype":"FP64","shape":[1],"data":[1]}]}'
    yield Heavy("V2: many outputs", path.format("number"), JSON, outputs, (400,))
    yield Heavy("V2: options of the index", "/v2/repository/index", JSON, b" " * size, (413,))


def _mlflow(size: int) -> Iterator[Heavy]:
    path = "/number/invocations"
    records = _repeat(b'{"dataframe_records":[', b"{},", size, b"{}]}")
    yield Heavy("MLflow: empty records", path, JSON, records, (413,))
    wide = _repeat(b'{"dataframe_split":{"columns":["a"', b',"b"', size, b'],"data":[[1]]}}')
    yield Heavy("MLflow: columns", path, JSON, wide, (413,))
    yield Heavy("MLflow: numbers", path, JSON, _repeat(b'{"inputs":[', b"1,", size, b"1]}"), (200, 413))
    yield Heavy("MLflow: lists in lists", path, JSON, b'{"instances":' + b"[" * size, (400,))
    yield Heavy("MLflow: NaN", path, JSON, _repeat(b'{"instances":[', b"NaN,", size, b"1]}"), (200, 400, 413))


def _coded(size: int) -> Iterator[Heavy]:
    coded = {"Content-Encoding": "gzip"}
    yield Heavy("gzip: zeros", "/text", JSON, gzip.compress(b"\0" * (100 * size), 1), (400, 413), coded)
    text = gzip.compress(_repeat(b'{"query":"', b"x", size, b'"}'), 1)
    yield Heavy("gzip: one text", "/text", JSON, text, (200,), coded)
    members = gzip.compress(b"") * (size // 400)
    yield Heavy("gzip: empty members", "/text", JSON, members, (400,), coded)


def _heads() -> Iterator[Heavy]:
    def get(name: str, path: str, *statuses: int, **headers: str) -> Heavy:
        return Heavy(
            f"head: {name}", path, "", None, statuses, {k.replace("_", "-"): v for k, v in headers.items()}, "GET"
        )

    yield get("types", "/number?a=1", 200, 406, 400, 431, Accept=",".join(f"a/b{n};q=0.{n % 10}" for n in range(550)))
    yield get("preferences", "/number?a=1", 200, 400, 431, Prefer=",".join(["a=b"] * 1_900))
    yield get("codings", "/number?a=1", 200, 400, 431, Accept_Encoding=",".join(["gzip;q=0.1"] * 700))
    yield get("tags", "/openapi.json", 200, 304, 400, 431, If_None_Match=",".join(['"abc"'] * 1_300))
    yield get("an unknown path", "/" + "number" * 600, 404, 414, 400)
    yield get("a long query", "/number?" + "&".join(f"a{n}=" for n in range(600)), 400, 414)
    for path in ("/openapi.json", "/routes", "/metrics", "/health", "/docs", "/v2/models"):
        yield get(f"{path}, compressed", path, 200, Accept_Encoding="gzip")


def parquet_bomb() -> bytes:
    """Return a small file of one long value in 2,500 rows, with the true sizes in its footer."""
    sink = io.BytesIO()
    schema = pa.schema([("query", pa.large_binary())])
    with pq.ParquetWriter(sink, schema, compression="zstd", dictionary_pagesize_limit=2**26) as writer:
        for _ in range(25):
            writer.write_table(pa.table({"query": pa.array([b"a" * 500_000] * 100, pa.large_binary())}, schema=schema))
    return sink.getvalue()


def workbook_bomb(cells: int, length: int) -> bytes:
    """Return a workbook in which many cells share one long text."""
    plain, sink = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(plain) as book:
        book.add_worksheet().write_column(0, 0, ["query", *["shared"] * cells])
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/sharedStrings.xml":
                content = content.replace(b"<t>shared</t>", b"<t>" + b"long text " * (length // 10) + b"</t>")
            bomb.writestr(name, content)
    return sink.getvalue()
