"""
Spare schemathesis the positive cases of files: JSON Schema cannot describe a table, so none of them would be one.

The negative ones stay: noise in a file is refused and never a 500.
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


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Keep everything but made-up files that are said to be good."""
    is_file = case.media_type in FILES
    return not (is_file and case.meta is not None and case.meta.generation.mode.is_positive)
