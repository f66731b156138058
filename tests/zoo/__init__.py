"""Artifacts as users really save them, each with rows and the answers of the library that made it."""
