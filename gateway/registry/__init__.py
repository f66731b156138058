"""
Parser of `registry.yaml`: returns a frozen RegistrySpec, or reports every fault of the file at once.

The annotated fields of `spec.py`, with `keys.py`, are the one source of parser, JSON Schema and documentation; a fault
has a position, a stable code, the expected value and a fix. `parse_recovery.py` blanks text that stops the YAML parser,
`nodes.py` keeps repeated keys apart, and later readers check the rest. Knows no framework; only `files.py` looks at
artifacts.
"""
