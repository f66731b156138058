"""
Complete states of the gateway: made, compared, committed, remembered and rolled back.

A change is served whole or not at all; workers read what was committed, never `registry.yaml`.
"""
