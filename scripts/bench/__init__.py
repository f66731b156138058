"""Measurements of the gateway and of what a user would pick instead; see README.md."""
