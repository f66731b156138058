"""Prediction requests: reading bodies in every format, limits, batches, predicting, writing answers."""
