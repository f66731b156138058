"""
What one worker serves: routes by path, models with a state, the limit of each route, the live generation.

One generation is immutable and complete; a swap replaces one reference. Knows no HTTP.
"""
