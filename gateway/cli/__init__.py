"""
The command line of `gateway`: one module per command; `main.py` holds the table of commands.

A command parses its options, calls the library, prints and returns an exit code (0, 1, or 78 for faults of the
configuration). Results go to standard output, errors to standard error, never a traceback. Commands hold no logic.
"""
