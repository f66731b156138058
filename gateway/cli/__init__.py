"""
The commands of `gateway`, one module each; `main.py` holds the table.

A command parses, calls, prints and returns an exit code (0, 1, 78 for faults of the configuration). Results go to
standard output, errors to standard error, never a traceback. No logic lives here.
"""
