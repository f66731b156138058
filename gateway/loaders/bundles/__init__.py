"""
Bundles: a model in several files, or in one file as a dict or tuple of its steps.

Members are told apart by their kinds and put into an order in which they fit each other; what does not fit is refused.
"""
