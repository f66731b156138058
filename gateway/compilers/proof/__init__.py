"""Proves a compiled model equal to its original before it may serve, on rows that try to tell them apart."""
