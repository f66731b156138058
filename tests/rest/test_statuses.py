"""The status of a refusal stands in one table, by its code."""

import ast
from collections.abc import Iterator
from http import HTTPStatus

from gateway.rest.errors import STATUS, STATUS_OF_CODE, RequestError, status_of
from serving import ROOT

#: Errors that HTTP itself knows; each is made with its code.
_REFUSALS = ("RequestError", "NotThereError")


def refusals() -> Iterator[tuple[str, str]]:
    """Yield the place and the code of every RequestError that the source makes; a code that is no literal is ''."""
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _REFUSALS:
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                codes = [word.value for word in node.keywords if word.arg == "code"]
                literal = codes[0].value if codes and isinstance(codes[0], ast.Constant) else ""
                assert not (node.args and isinstance(node.args[0], ast.Constant) and type(node.args[0].value) is int), (
                    place
                )
                yield place, str(literal)


def test_every_refusal_has_its_status_from_the_table() -> None:
    """No place of the source names a status beside the code, none has a code without a status, and no row is unused."""
    found = dict(refusals())
    assert {place: code for place, code in found.items() if code not in STATUS_OF_CODE} == {}
    assert set(STATUS_OF_CODE) == set(found.values())


def test_the_tables_name_statuses_of_errors() -> None:
    """Both tables hold statuses that HTTP knows as errors."""
    assert all(400 <= HTTPStatus(status) < 600 for status in (*STATUS.values(), *STATUS_OF_CODE.values()))
    assert status_of(RequestError("gone", code="docs-off")) == 404
