"""Training of the diabetes model."""
