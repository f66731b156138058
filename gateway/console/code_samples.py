"""
One request in several languages, to copy and run: every quote, backslash, dollar and line end arrives as it is.

The first three are those of the try page; Java and R take a long instance from the gateway, for they have no literal
of it that a person could read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.codecs.json import encode
from gateway.console.snippets import snippets

#: Characters of JSON up to which the values stand in the text.
MOST_SHOWN: Final = 2_000


@dataclass(frozen=True, slots=True)
class CodeSample:
    """Hold a program and the name of its language; `note` says what it needs."""

    language: str
    code: str
    note: str = ""


def code_samples(url: str, values: Mapping[str, Any], *, has_key: bool = False) -> list[CodeSample]:
    """Return a program for each language that sends `values` to the absolute `url`, with the key in GATEWAY_KEY."""
    short = snippets(url, values, has_key=has_key)
    shown = values if len(encode(values)) <= MOST_SHOWN else None
    node = "Node 18 or later" if has_key else "Node 18 or later, or a browser"
    return [
        CodeSample("curl", short["curl"]),
        CodeSample("Python", short["python"], "standard library"),
        CodeSample("JavaScript", short["javascript"], node),
        CodeSample("Java", _java(url, shown, has_key=has_key), "Java 11 or later: java Predict.java"),
        CodeSample("R", _r(url, shown, has_key=has_key), "package httr2"),
    ]


def _java(url: str, values: Mapping[str, Any] | None, *, has_key: bool) -> str:
    key = '.header("Authorization", "Bearer " + System.getenv("GATEWAY_KEY"))' if has_key else ""
    # Escapes of Java are read before anything else, so a text of JSON in ASCII is one of Java.
    body = "body" if values is None else _ascii(encode(values).decode())
    given = (
        f"    var sample = HttpRequest.newBuilder(URI.create({_ascii(url + '/schema?sample')})){key}.build();\n"
        "    var body = client.send(sample, HttpResponse.BodyHandlers.ofString()).body();\n"
        if values is None
        else ""
    )
    return (
        "import java.net.URI;\nimport java.net.http.*;\n\n"
        "class Predict {\n  public static void main(String[] args) throws Exception {\n"
        "    var client = HttpClient.newHttpClient();\n"
        f"{given}"
        f"    var request = HttpRequest.newBuilder(URI.create({_ascii(url)}))\n"
        f'        .header("Content-Type", "application/json"){key}\n'
        f"        .POST(HttpRequest.BodyPublishers.ofString({body})).build();\n"
        "    System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());\n"
        "  }\n}\n"
    )


def _ascii(text: str) -> str:
    return json.dumps(text)


def _r(url: str, values: Mapping[str, Any] | None, *, has_key: bool) -> str:
    key = ' |>\n  req_auth_bearer_token(Sys.getenv("GATEWAY_KEY"))' if has_key else ""
    address = _ascii_r(url)
    body = "sample" if values is None else _raw_r(encode(values).decode())
    given = (
        f"sample <- request({_ascii_r(url + '/schema?sample')}){key} |> req_perform() |> resp_body_string()\n"
        if values is None
        else ""
    )
    return (
        f"library(httr2)\n\n{given}"
        f"request({address}){key} |>\n"
        f'  req_body_raw({body}, "application/json") |>\n'
        "  req_perform() |>\n  resp_body_string() |>\n  cat()\n"
    )


def _ascii_r(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _raw_r(text: str) -> str:
    """Return a raw string of R with as many dashes as its end needs."""
    dashes = ""
    while f"){dashes}'" in text:
        dashes += "-"
    return f"r'{dashes}({text}){dashes}'"
