"""
One H2O server for all models in H2O's binary format: `python -m gateway.h2o_server`, a process beside the workers.

It starts the Java server on loopback, with a password that only it knows, and answers the Open Inference Protocol on a
Unix socket in its place: a model is named by the sha256 of its artifact and is read from the cache when it is asked
for first. When the Java server ends, so does this process, and whoever supervises it starts both anew.
"""
