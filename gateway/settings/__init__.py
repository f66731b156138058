"""
Settings of the process: environment variables, command-line options and defaults.

All bad values are reported at once. This package does not know the registry.
"""
