"""
Decides which objects of an artifact may be constructed, called or kept; refuses all others by name.

Readers admit by use, not by name: see `allowed.py` (which classes), `constructors.py` (how), `object_graph.py` (where).
"""
