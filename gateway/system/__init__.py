"""
What the operating system offers: files, locks, processes, memory; and what is installed.

Knows nothing of models, routes or HTTP.
"""
