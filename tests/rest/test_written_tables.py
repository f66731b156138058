"""
What clients and spreadsheets send, and what comes back: every line of two tables of docs/clients.md is run.

curl, requests, urllib, pandas and node are those of this machine. R, PowerShell, Excel, LibreOffice and Google Sheets
are not here: what they write is written byte by byte as they do, line ends, quotes, byte order marks and all.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

import serving
from serving import Gateway

DOCUMENT = (serving.ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
ONE: dict[str, Any] = {"flow": 1300, "temp": 13.6, "site": "Köln"}
FRAME = pd.DataFrame([ONE, {"flow": 410, "temp": None, "site": "Zürich"}])
STUB = {
    "inputs": [
        {"name": "flow"},
        {"name": "temp", "nullable": True},
        {"name": "site", "type": "string", "enum": ["Köln", "Zürich"]},
    ],
    "output": {"kind": "json"},
}
REGISTRY = """
version: 1
routes:
  /flow: flow.stub.json
  /german: {artifact: flow.stub.json, name: german, reading: {decimal: ",", thousands: "."}}
  /gaps: {artifact: flow.stub.json, name: gaps, reading: {missing: ["NA", "#N/A"]}}
  /forms: {artifact: flow.stub.json, name: forms, reading: {numbers_in_quotes: true}}
"""
NODE = shutil.which("node") or str(Path(sys.executable).parent / "node")


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve routes that answer with what their model gets."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "flow.stub.json").write_text(json.dumps(STUB))
    with serving.running(folder, cache, REGISTRY, workers=1) as server:
        yield server


def curl(url: str, *arguments: str) -> Any:
    """Run curl."""
    done = subprocess.run(["curl", "-sS", url, *arguments], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def fetch(url: str, options: str) -> Any:
    """Run `fetch` of node with the text of its options."""
    if not os.access(NODE, os.X_OK):
        pytest.skip("node is not installed")
    script = f"fetch({json.dumps(url)}, {options}).then(r => r.text()).then(t => console.log(t))"
    done = subprocess.run([NODE, "-e", script], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def send(url: str, body: bytes, media: str) -> Any:
    """Send bytes as another program sends them."""
    return requests.post(url, data=body, headers={"Content-Type": media}, timeout=60).json()


def urllib_json(url: str) -> Any:
    """Send JSON as the standard library does where no header is set: as a form."""
    with urllib.request.urlopen(url, json.dumps(ONE).encode(), timeout=60) as answer:
        return json.load(answer)


TEXTS = {name: str(value) for name, value in ONE.items()}
#: Client -> what it sends, the route, and the call.
CLIENTS: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "curl": ("`--json '{…}'`", "/flow", lambda url: curl(url, "--json", json.dumps(ONE))),
    "curl without a header": ("`-d '{…}'`: JSON as a form", "/flow", lambda url: curl(url, "-d", json.dumps(ONE))),
    "browser form": ("`-d flow=… -d temp=…`", "/flow", lambda url: curl(url, "-d", urllib.parse.urlencode(TEXTS))),
    "urllib": ("`urlopen(url, json.dumps(row).encode())`: JSON as a form", "/flow", urllib_json),
    "requests": ("`json=row`", "/flow", lambda url: requests.post(url, json=ONE, timeout=60).json()),
    "requests, encoded twice": (
        "`json=json.dumps(row)`",
        "/flow",
        lambda url: requests.post(url, json=json.dumps(ONE), timeout=60).json(),
    ),
    "requests, below data": (
        '`json={"data": row}`',
        "/flow",
        lambda url: requests.post(url, json={"data": ONE}).json(),
    ),
    "pandas": ("`frame.to_json()`", "/flow", lambda url: send(url, FRAME.to_json().encode(), "application/json")),
    "pandas, split": (
        '`frame.to_json(orient="split")`',
        "/flow",
        lambda url: send(url, FRAME.to_json(orient="split").encode(), "application/json"),
    ),
    "pandas, to_csv": (
        "`frame.to_csv()`, index and all",
        "/flow",
        lambda url: send(url, FRAME.to_csv().encode(), "text/csv"),
    ),
    "fetch without headers": (
        "`body: JSON.stringify(row)`: text/plain",
        "/flow",
        lambda url: fetch(url, f"{{method: 'POST', body: JSON.stringify({json.dumps(ONE)})}}"),
    ),
    "fetch of a form's values": (
        "`JSON.stringify(Object.fromEntries(new FormData(form)))`: every value a text",
        "/forms",
        lambda url: fetch(url, f"{{method: 'POST', body: JSON.stringify({json.dumps(TEXTS)})}}"),
    ),
    "the same, strictly": (
        "the same to a route without `numbers_in_quotes`",
        "/flow",
        lambda url: fetch(url, f"{{method: 'POST', body: JSON.stringify({json.dumps(TEXTS)})}}"),
    ),
    "R, httr2 with jsonlite": (
        "`req_body_json(list(flow = 1300, …))`, every value a list of one",
        "/flow",
        lambda url: send(url, json.dumps({name: [one] for name, one in ONE.items()}).encode(), "application/json"),
    ),
    "PowerShell": (
        "`Invoke-RestMethod -Body (ConvertTo-Json $row)`: JSON with blanks and CR LF, as a form",
        "/flow",
        lambda url: send(
            url,
            json.dumps(ONE, indent=4).replace("\n", "\r\n").encode(),
            "application/x-www-form-urlencoded",
        ),
    ),
}


def xlsx() -> bytes:
    """Return the frame as pandas writes a workbook, with its index."""
    target = io.BytesIO()
    FRAME.to_excel(target, engine="xlsxwriter")
    return target.getvalue()


COMMAS = "flow,temp,site\r\n1300,13.6,Köln\r\n410,,Zürich\r\n"
GERMAN = "flow;temp;site\r\n1.300;13,6;Köln\r\n410;;Zürich\r\n;;\r\n"
R_CSV = '"","flow","temp","site"\n"1",1300,13.6,"Köln"\n"2",410,NA,"Zürich"\n'
#: Program -> what it writes, the bytes, the type of the part, the route.
SHEETS: dict[str, tuple[str, bytes, str, str]] = {
    "Excel, CSV UTF-8": ("commas, CR LF, byte order mark", COMMAS.encode("utf-8-sig"), "text/csv", "/flow"),
    "Excel in Germany, CSV": (
        "semicolons, decimal comma, windows-1252, separators in empty rows",
        GERMAN.encode("cp1252"),
        "text/csv; charset=windows-1252",
        "/german",
    ),
    "the same, strictly": (
        "the same to a route without `decimal` and `thousands`",
        GERMAN.encode("cp1252"),
        "text/csv; charset=windows-1252",
        "/flow",
    ),
    "the same, no charset": ("the same, sent as if it were UTF-8", GERMAN.encode("cp1252"), "text/csv", "/german"),
    "Excel, Unicode text": (
        "tabs, UTF-16 with byte order mark",
        COMMAS.replace(",", "\t").encode("utf-16"),
        "text/csv; charset=utf-16",
        "/flow",
    ),
    "Excel, workbook": (
        "typed cells, an index column (written by pandas)",
        xlsx(),
        "application/octet-stream",
        "/flow",
    ),
    "LibreOffice Calc": (
        "commas, LF, texts in quotes",
        b'"flow","temp","site"\n1300,13.6,"K\xc3\xb6ln"\n410,,"Z\xc3\xbcrich"\n',
        "text/csv",
        "/flow",
    ),
    "LibreOffice Calc in Germany": (
        "semicolons, decimal comma, grouped as formatted",
        GERMAN.replace("\r\n", "\n").encode(),
        "text/csv",
        "/german",
    ),
    "Google Sheets": (
        "commas, CR LF, no mark, no line end at the end, `#N/A` for a gap",
        COMMAS.replace("410,,", "410,#N/A,").strip().encode(),
        "text/csv",
        "/gaps",
    ),
    "R, `write.csv`": ("quotes, row names below an empty name, `NA` for a gap", R_CSV.encode(), "text/csv", "/gaps"),
    "R, `write.csv2`": (
        "semicolons, decimal comma, `NA`, to a route without `missing`",
        R_CSV.replace(",", ";").replace("13.6", "13,6").encode(),
        "text/csv",
        "/german",
    ),
}


def told(answer: Any) -> str:
    """Return an answer as a line of the document shows it: values in order, or the first fault with its hint."""
    if "errors" in answer:
        fault = answer["errors"][0]
        return f"{answer['status']}: {fault['message']}. {fault['hint']}"
    if "predictions" in answer:
        return f"`{json.dumps([list(values(one)) for one in answer['predictions']], ensure_ascii=False)}`"
    return f"`{json.dumps(list(values(answer)), ensure_ascii=False)}`"


def values(one: Any) -> Any:
    """Return what the model got for a row."""
    return one.get("prediction", one).values()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_gets_what_the_document_says(flow: Gateway, client: str) -> None:
    """The client itself sends its row or its frame, and the line of the document holds what comes back."""
    what, route, call = CLIENTS[client]
    line = f"| {client} | {what} | `{route}` | {told(call(f'http://127.0.0.1:{flow.port}{route}'))} |"
    assert line.split(" | ") in lines_of("Clients")


@pytest.mark.parametrize("program", SHEETS)
def test_a_spreadsheet_gets_what_the_document_says(flow: Gateway, program: str, tmp_path: Path) -> None:
    """The file is uploaded as `curl -F file=@…` does, and the line of the document holds what comes back."""
    what, content, media, route = SHEETS[program]
    (tmp_path / "rows.csv").write_bytes(content)
    answer = curl(f"http://127.0.0.1:{flow.port}{route}", "-F", f"file=@{tmp_path / 'rows.csv'};type={media}")
    assert f"| {program} | {what} | `{route}` | {told(answer)} |".split(" | ") in lines_of("Spreadsheets")


def lines_of(head: str) -> list[list[str]]:
    """Return the cells of the lines of a table below a heading."""
    part = DOCUMENT.partition(f"### {head}\n")[2].partition("\n#")[0]
    return [line.split(" | ") for line in re.findall(r"^\| .*$", part, re.MULTILINE)]


def test_no_line_is_left_out() -> None:
    """Each line of the two tables is run, and there are twelve clients and six spreadsheets at least."""
    for head, cases, least in (("Clients", CLIENTS, 12), ("Spreadsheets", SHEETS, 6)):
        names = [line[0].removeprefix("| ") for line in lines_of(head)[2:]]
        assert names == list(cases)
        assert len(cases) >= least
