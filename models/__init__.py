"""The models that ship with the gateway: one folder each, trained by its own script."""
