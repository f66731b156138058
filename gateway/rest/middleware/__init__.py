"""Layers around every endpoint: request ids, counts and logs, CORS, compression, conditional requests."""
