"""
HTTP API (Flask): endpoints, protocols and middleware. No other package knows HTTP.

A handler never blocks the event loop; every error is JSON with a code and a request id; the documents of a route come
from its manifest. `api.py` is the only importer of Flask-RESTful, `errors.py` tells the status of every error.
"""
