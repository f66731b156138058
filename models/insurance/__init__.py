"""Training of the insurance model."""
