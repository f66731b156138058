"""
An entry of the registry to a manifest, in a child process that may crash, hang or eat memory.

`registry.py` prepares all entries, `supervisor.py` runs one child within its limits, `child.py` is that child. Whatever
becomes of a child is a manifest or a fault by name. Workers import none of this.
"""
