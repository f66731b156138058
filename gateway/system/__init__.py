"""
Operating system services: atomic files, locks, processes, memory, garbage collection, installed packages.

Knows nothing of models, routes or HTTP.
"""
