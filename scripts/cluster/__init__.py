"""
Three Ray nodes on one machine, to see and to test a cluster: `make cluster`, `make cluster-stop`.

A cluster of several machines needs none of this: start Ray there as docs/executors.md says.
"""
