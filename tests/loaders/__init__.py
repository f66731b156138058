"""Tests of the loaders: one contract for all of them, and the peculiarities of each."""
