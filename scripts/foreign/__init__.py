"""Artifacts of other library versions: make them, and find out which of them answer here as they did there."""
