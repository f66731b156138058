"""
Generations, the complete states of a gateway: snapshot, plan, commit (reload), rollback, history.

A change is served whole or not at all; workers read what was committed, never `registry.yaml`.
"""
