"""Bodies that are not what they claim to be, in every dialect, and options in and beside a body."""

import random
from collections.abc import Iterator
from typing import Final

from compare.requests.base import FORM, JSON, Request, get, multipart, post
from compare.requests.dialects import NDJSON, PARQUET, XLSX

_ROW: Final = b'{"times_pregnant":1,"glucose":106,"blood_pressure":70,"skin_fold_thick":28,"serum_insulin":135,'
_WHOLE: Final = _ROW + b'"mass_index":34.2,"diabetes_pedigree":0.142,"age":22}'
_JSON: Final = (
    b"", b" ", b"null", b"1", b'"x"', b"[]", b"{}", b"[[]]", b"[{}]", b"[1]", b"{", b"[", b'{"a"', b'{"a":}', b"{'a': 1}",
    b"{a: 1}", b'{"a": 1,}', b"[1,]", b"NaN", b'{"age": NaN}', b'{"age": Infinity}', b"\xff\xfe", b"\xef\xbb\xbf{}",
    b'{"age": "\xff"}', b'{"age": "\\ud800"}', b'{"age": 1, "age": 2}', b"[" * 2000, b'{"a":' * 2000, b"1" * 5000,
    b'{"age": 1e999}', b'{"age": 1' + b"0" * 400 + b"}", b"{} {}", b"{}\n{}", b"{}x", b'{"data": null}', b'{"data": ""}',
    b'{"data": "1,2"}', b'{"data": "1,106,70,28,135,34.2,0.142,22,"}', b'{"data": "1,106,70,28,135,34.2,0.142,x"}',
    b'{"data": "\\"1\\",106,70,28,135,34.2,0.142,22"}', b'{"data": "\\"1,106"}', b'{"data": [1,106,70,28,135,34.2,0.142,22]}',
    b'{"data": [[1,106,70,28,135,34.2,0.142,22], [1]]}', b'{"data": "a\\nb"}', b'{"data": {"age": 1}}', b'{"data": [], "x": 1}',
    b'{"data": [1], "instances": [1]}', b'{"instances": null}', b'{"instances": []}', b'{"instances": {}}',
    b'{"instances": [' + _WHOLE + b', 5]}', b'{"instances": [' + _WHOLE + b', [1]]}', b'{"instances": [' + _WHOLE + b'], "_on_error": "skip"}',
    b'{"instances": [{"age": 5}, ' + _WHOLE + b'], "_on_error": "skip"}', b'{"instances": [' + _WHOLE + b'], "_on_error": "never"}',
    b'{"instances": [' + _WHOLE + b'], "_other": 1}', b'{"instances": [' + _WHOLE + b'], "signature_name": "x"}',
    _WHOLE[:-1] + b',"_on_error":"skip"}', _WHOLE[:-1] + b',"_x":"skip"}', _WHOLE[:-1] + b',"":1}', _WHOLE[:-1] + b',"Age":1}',
    b"[" + b",".join([_WHOLE] * 150) + b"]", b"[" + b",".join([_WHOLE[:-3] + b"-1}"] * 150) + b"]",
    b'{"dataframe_split": {}}', b'{"dataframe_split": {"columns": ["age"], "data": [[1]], "index": [0]}}',
    b'{"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}', b'{"dataframe_split": {"data": [[1]]}}',
    b'{"dataframe_split": {"columns": [1], "data": [[1]]}}', b'{"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}',
    b'{"dataframe_records": {}}', b'{"dataframe_records": [5]}', b'{"dataframe_records": []}', b'{"inputs": 5}',
    b'{"inputs": []}', b'{"inputs": {"age": [1], "glucose": [1, 2]}}', b'{"inputs": [[1,106,70,28,135,34.2,0.142,22]], "params": {}}',
    b'{"inputs": [[1,106,70,28,135,34.2,0.142,22]], "params": {"x": 1}}', b'{"inputs": [[1,106,70,28,135,NaN,0.142,22]]}',
    b'{"inputs": [[1]], "instances": [[1]]}', b'{"inputs": [[1]], "columns": []}', b'{"inputs": "x"}', b'{"inputs": [], "id": 7}',
    b'{"inputs": [{}]}', b'{"inputs": [5]}', b'{"inputs": [{"name": "r", "shape": [1, 9], "datatype": "FP64", "data": [1]}]}',
    b'{"inputs": [{"name": "r", "shape": [8], "datatype": "FP64", "data": [1,2,3,4,5,6,7,8]}]}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP8", "data": [1,106,70,28,135,34.2,0.142,22]}]}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "INT64", "data": [1,106,70,28,135,34.2,0.142,22]}]}',
    b'{"inputs": [{"name": "r", "shape": [-1, 8], "datatype": "FP64", "data": []}]}',
    b'{"inputs": [{"name": "glucos", "shape": [1], "datatype": "FP64", "data": [1]}]}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP64", "data": [1,106,70,28,135,34.2,0.142,22]}], "outputs": [{"name": "x"}]}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP64", "data": [[1,106,70,28,135,34.2,0.142,22]]}], "outputs": [{"name": "probabilities"}]}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP32", "data": [1,106,70,28,135,34.2,0.142,22]}], "outputs": [{"name": "prediction", "parameters": {"binary_data": true}}]}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP64", "data": [1,null,70,28,135,34.2,0.142,22]}], "id": "x", "parameters": {"a": 1}}',
    b'{"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP64", "parameters": {"shared_memory_region": "x"}}]}',
)  # fmt: skip
_TABLES: Final = (
    b"", b"\n", b"query", b"query\n", b"query\r\nfine\r\n", b"query\rfine\r", b"\n\nquery\nfine\n", b"query\nfine\n\n\n", b"query\n\nfine\n",
    b'query\n""\n', b'query\n"open\n', b'query\n"a"b\n', b"Query\nfine\n", b"querry\nfine\n", b"query,query\na,b\n", b"query;note\na;b\n",
    b"sep=;\nquery;x\na;b\n", b"query,\na,\n", b"query,x\na\n", b"query\na,b\n", b"\xef\xbb\xbfquery\nfine\n", b"query\n\xff\n", b"query\n\x00\n",
    b"other\nfine\n", b"query\tx\na\tb\n", b"query|x\na|b\n", b'"query"\n"a ""b"" c"\n', b"query\n" + b"fine\n" * 300, b'{"query": "fine"}\n',
    b'{"query": "fine"}\n\n{"query": "dull"}\n', b'{"query": "fine"}\n[\n', b'["fine"]\n["dull"]\n', b"5\n", b'{"query": 5}\n{"query": "x"}\n', b"null\n",
)  # fmt: skip
_KINDS: Final = (
    "", "text/plain", "application/xml", "image/png", "application/octet-stream", "application/json; charset=utf-16",
    "application/json; charset=latin-1", "application/json; charset=none", "APPLICATION/JSON", "application/vnd.x+json", "json",
    "text/json", "text/csv; charset=utf-16", "text/csv; charset=windows-1252", "text/csv; charset=none", "text/csv; header=absent",
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=none", FORM, FORM + "; charset=latin-1", XLSX, PARQUET, NDJSON,
    "application/vnd.ms-excel", "application/jsonl", "application/x-parquet", ";", "a/b/c", "text/csv, application/json",
)  # fmt: skip
_SENT: Final = (b'{"query": "caf\xc3\xa9 fine"}', b"query\ncaf\xe9 fine\n", b"query=caf%C3%A9+fine&query=again")


def requests(dice: random.Random) -> Iterator[Request]:
    """Yield broken JSON, broken tables, odd types of content, odd forms."""
    for path in ("/diabetes", "/diabetes/invocations", "/v2/models/diabetes/infer"):
        for number, body in enumerate(_JSON):
            yield post("five", f"json {number} {path}", path, body)
    for path in ("/sentiment", "/sentiment/invocations"):
        for kind in ("text/csv", NDJSON):
            for number, body in enumerate(_TABLES):
                headers = dice.choice([{}, {"Prefer": "on-error=skip"}, {"Accept": "text/csv"}])
                yield post("five", f"table {number} {kind} {path} {headers}", path, body, kind, **headers)
    for kind in _KINDS:
        for number, body in enumerate(_SENT):
            for path in ("/sentiment", "/sentiment/invocations", "/v2/models/sentiment/infer"):
                yield post("five", f"kind {kind} {number} {path}", path, body, kind)
    for kind in (XLSX, PARQUET):
        for body in (b"", b"PK\x03\x04", b"PAR1", b"PAR1" * 20, b"query\nfine\n"):
            yield post("five", f"file {kind} {body[:8]!r}", "/sentiment", body, kind)
    yield from _forms()
    yield from _queries()


def _forms() -> Iterator[Request]:
    for number, body in enumerate(
        (b"", b"query", b"query=", b"=x", b"query=a&query=b", b"query=%ff", b"query=%zz", b"query=a;b", b"query=a+b%20c", b"Query=x",
         b"querry=x", b"data=that+was+dull", b"data=x&query=y", b"_on_error=skip&query=x", b"_on_error=x&query=x", b"_x=1&query=x",
         b"&&query=x&&", b"query=x&" + b"&".join(b"f%d=1" % one for one in range(50)), b"a=1&" * 10_050, b"query=" + b"x" * 2_200_000)
    ):  # fmt: skip
        yield post("five", f"form {number}", "/sentiment", body, FORM)
    parts: list[list[tuple[str, str, str, bytes]]] = [
        [],
        [("query", "", "", b"fine")],
        [("query", "", "text/plain; charset=latin-1", b"caf\xe9")],
        [("query", "", "", b"\xff")],
        [("query", "", "", b"a"), ("query", "", "", b"b")],
        [("file", "a.csv", "text/csv", b"query\nfine\n"), ("query", "", "", b"x")],
        [("file", "a.csv", "", b"query\nfine\n"), ("_on_error", "", "", b"skip")],
        [("file", "a.csv", "", b'query\nfine\n""\n'), ("_on_error", "", "", b"skip")],
        [("file", "a.csv", "", b"query\nfine\n"), ("file", "b.csv", "", b"query\nfine\n")],
        [("other", "a.csv", "text/csv", b"query\nfine\n")],
        [("file", "a.json", JSON, b'[{"query": "fine"}]')],
        [("file", "a.txt", "", b"query\nfine\n")],
        [("file", "a.png", "image/png", b"\x89PNG\r\n\x1a\n")],
        [("file", "", "", b"query\nfine\n")],
        [("file", "a.xlsx", "", b"PK\x03\x04 no sheet")],
        [("file", "a.parquet", "", b"PAR1 no table PAR1")],
        [("file", "a.xls", "", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")],
        [("", "", "", b"x")],
        [(f"f{number}", "", "", b"1") for number in range(2100)],
    ]
    for number, given in enumerate(parts):
        body, kind = multipart(given)
        yield post("five", f"parts {number}", "/sentiment", body, kind)
        yield post("five", f"parts {number} cut", "/sentiment", body[:-9], kind)
        yield post("five", f"parts {number} mlflow", "/sentiment/invocations", body, kind)


def _queries() -> Iterator[Request]:
    for query in (
        "", "?", "?query", "?query=", "?query=a&query=b", "?query=%ff", "?query=%zz", "?query=a%00b", "?Query=x", "?querry=x", "?data=dull+film",
        "?query=x&_on_error=skip", "?query=x&_on_error=no", "?query=x&_other=1", "?query=x&note=1", "?query=a;b", "?query=a+b", "?=x", "?&&",
        "?query=" + "x" * 7000, "?" + "&".join(f"f{number}=1" for number in range(300)),
    ):  # fmt: skip
        yield get("five", f"query {query[:20]}", f"/sentiment{query}")
        yield post("five", f"query beside a body {query[:20]}", f"/sentiment{query}", {"query": "fine"})
        yield post("five", f"query beside a form {query[:20]}", f"/sentiment{query}", b"query=fine", FORM)
    for line in ("data=1,106,70,28,135,34.2,0.142,22", "data=1,106", "data=1&data=2", "data=", "data=1,2&age=5"):
        yield get("five", f"positional {line}", f"/diabetes?{line}")
        yield post("five", f"positional form {line}", "/diabetes", line.encode(), FORM)
    for value in ("", "0", "-1", "x", "1e3", "5", "2000", "99999999999", "1, 2"):
        yield post("five", f"timeout {value}", "/sentiment", {"query": "fine"}, X_Request_Timeout_Ms=value)
    for value in (
        "on-error=skip",
        "ON-ERROR=SKIP",
        'on-error="skip"',
        "on-error=abort",
        "on-error",
        "x;y, on-error=skip;z",
        ",,,",
    ):
        yield post("five", f"prefer {value}", "/sentiment", b'query\nfine\n""\n', "text/csv", Prefer=value)
        yield post("five", f"prefer {value} instance", "/sentiment", {"query": ""}, Prefer=value)
    for value in (
        "text/csv", "text/*", "*/*", "application/*", "application/json;q=0", "text/csv;q=0.5, application/x-ndjson;q=0.9", "x", "", ",", "text/csv; q=x",
        "application/ndjson", "application/jsonl", "application/x-parquet", "text/html", "application/vnd.apache.parquet;q=0.1, text/csv;q=0",
        ", ".join(["a/b"] * 60 + ["text/csv"]),
    ):  # fmt: skip
        yield post("five", f"accept {value[:30]}", "/sentiment", [{"query": "fine"}, {"query": "dull"}], Accept=value)
        yield get("five", f"accept {value[:30]} fault", "/loan?area=x", Accept=value)
