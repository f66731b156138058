"""
What of an artifact may be constructed, called or kept; everything else is refused by name.

Readers admit by use, not by name: see `allowed.py` (which classes), `constructors.py` (how), `object_graph.py` (where).
"""
