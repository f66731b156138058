"""
Answers: predictions to JSON values, by default or by the `response` template of a route.

The default answer is a template, too. Nothing here knows HTTP or a byte format.
"""
