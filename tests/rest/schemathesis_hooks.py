"""
Spare schemathesis the cases that are said to be good and are not, because JSON Schema cannot tell.

It cannot describe a table, so no made-up file would be one; nor that the ids of a batch are there for all rows or for
none, and differ. The negative cases stay: noise in a file is refused and never a 500. Only a batch whose bad rows are
to be skipped is answered, whatever its rows are, and options of a table say nothing beside JSON; but `_head`, which is
about CSV and NDJSON, is refused there.
"""

import os
from typing import Any

import schemathesis

FILES = {
    "text/csv",
    "application/x-ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.apache.parquet",
    "multipart/form-data",
}


#: Routes whose answer to a batch is an object by row id, and the names of ids.
BY_ID = {"/insurance"}
IDS = ("ID", "Id", "id")


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Keep all but what only seems good (made-up files, ids that name no row) or bad (see `is_refused`)."""
    if any("_" in name for name in case.headers or ()):
        return False  # the parser lets no such field in: nothing of the document is asked
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return is_refused(dict(case.query or {}), case.media_type in FILES)
    seems_good = case.media_type in FILES or "_head" in (case.query or {})
    return not seems_good and (case.path not in BY_ID or ids_name_rows(case.body))


@schemathesis.check
def only_status(context: Any, response: Any, case: Any) -> None:
    """Hold every answer to the status of ONLY_STATUS, where that is set."""
    wanted = os.environ.get("ONLY_STATUS")
    assert wanted is None or response.status_code == int(wanted), f"{response.status_code} instead of {wanted}"


def is_refused(query: dict[str, Any], is_file: bool) -> bool:
    """Say whether a request that does not fit the document must be refused."""
    return "skip" not in (query.get("_on_error") or ()) and (is_file or query.keys().isdisjoint(("_sheet", "_header")))


def ids_name_rows(body: Any) -> bool:
    """Say whether the rows of a body have no ids, or one each."""
    rows = body.get("instances", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        return True
    ids = [next((row[name] for name in IDS if name in row), None) for row in rows if isinstance(row, dict)]
    given = [
        str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in ids if one is not None
    ]
    return not given or (len(set(given)) == len(ids) and "" not in given)
