"""Checking of inputs: a `Validator` per route turns rows, parameters or columns into a `Batch`, or names all faults."""

from gateway.validation.faults import MAX_FAULTS
from gateway.validation.rows import Source
from gateway.validation.validator import Partial, Validator

__all__ = ["MAX_FAULTS", "Partial", "Source", "Validator"]
