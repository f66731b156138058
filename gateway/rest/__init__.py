"""
HTTP and Flask, and only here: every endpoint, and the layers around all of them.

A handler never blocks the event loop; every error is JSON with a code and a request id; the documents of a route come
from its manifest. `api.py` is the only importer of Flask-RESTful, `errors.py` the only table of HTTP statuses.
"""
