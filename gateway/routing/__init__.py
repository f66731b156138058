"""
Routes of one worker: paths, models with their states, concurrency limits, and the live generation.

One generation is immutable and complete; a swap replaces one reference. Knows no HTTP.
"""
