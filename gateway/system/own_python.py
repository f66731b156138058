"""
Start modules of this package in a process of their own.

`python -m` would look for every module in the current folder first, those of the standard library too: a `tokenize.py`
beside a registry would end the gateway, and one in the folder of a stranger's model would run.
"""

import sys


def module_words(module: str, *words: str) -> list[str]:
    """Return the command that runs a module with the Python of this process; it imports nothing of its folder."""
    return [sys.executable, "-P", "-m", module, *words]
