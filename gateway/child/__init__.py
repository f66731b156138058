"""
The server of a model that runs in an environment of its own: the standard library and NumPy, syntax of Python 3.8.

Its files are copied and started by path (`serve.py`), by an interpreter that need not know the gateway: they import
nothing of ours but each other, relatively. They speak the Open Inference Protocol on a Unix socket.
"""
