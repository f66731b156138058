"""Whether a compiled model may serve: it is compared with its original on rows that try to tell them apart."""
