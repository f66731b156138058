"""Training of the loan model."""
