"""
Web console of every model: templates, static files, content policy, forms, numbers for people. Knows no HTTP.

A page is a function from a route and what happened to a text; `rest/pages/` gives it requests and headers.
"""
