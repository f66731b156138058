"""
Predictions to JSON answers: a template is parsed once, then compiled, described and checked.

The default answer is a template, too. Nothing here knows HTTP or a byte format.
"""
