"""Training of the earnings model."""
