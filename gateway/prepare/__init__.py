"""
Preparation of registry entries: loads, tests and compiles each model in a child process that may crash, hang or exhaust
memory.

`entries.py` prepares all entries, `child_supervisor.py` runs one child within its limits, `child.py` is that child.
Each outcome is a manifest or a named fault. Workers import none of this.
"""
