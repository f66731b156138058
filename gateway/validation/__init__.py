"""
Input validation: turns parameters, cells and JSON into a typed Batch, or names all faults, misspelt names too.

Rows and columns are checked alike; rules are compiled once; the words of a fault are made only when there is one; no
input of any kind raises anything else.
"""

from gateway.validation.faults import MAX_FAULTS
from gateway.validation.rows import Source
from gateway.validation.validator import Partial, Validator

__all__ = ["MAX_FAULTS", "Partial", "Source", "Validator"]
