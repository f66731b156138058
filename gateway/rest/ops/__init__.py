"""Endpoints of whoever operates a gateway: /health and /metrics."""
