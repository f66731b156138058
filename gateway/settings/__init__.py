"""
What the process is told from outside: environment variables and their defaults.

Every fault of the environment is told at once. Knows no registry.
"""
