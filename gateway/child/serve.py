"""
Start the server: `python -I -B serve.py --spec SPEC --socket PATH [--network]`.

This file is `__main__` only until the model is loaded: then names of the user's own files stand there (main_names.py).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys


def main(arguments: list[str]) -> int:
    """Import this folder as a package, whatever it is called and wherever it lies, and run its command."""
    folder = os.path.dirname(os.path.abspath(__file__))
    start = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location("gateway_child", start, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"{start} is no file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules["gateway_child"] = module
    spec.loader.exec_module(module)
    code: int = importlib.import_module("gateway_child.command").main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
