"""
Spare schemathesis the cases that are said to be good and are not, because JSON Schema cannot tell.

It cannot describe a table, so no made-up file would be one; nor that the ids of a batch are there for all rows or for
none, and differ. The negative cases stay: noise in a file is refused and never a 500.
"""

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
    """Keep everything but what only seems good: made-up files, and batches whose ids do not name their rows."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return True
    return case.media_type not in FILES and (case.path not in BY_ID or ids_name_rows(case.body))


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
