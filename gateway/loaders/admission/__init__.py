"""
Decides which objects of a pickle or skops file may be constructed, called or kept; refuses all others by name.

Readers admit by use, not by name: see `allowed_names.py` (which classes), `constructors.py` (how) and `object_graph.py`
(where).
"""
