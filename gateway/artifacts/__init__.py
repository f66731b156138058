"""
Artifacts: hashing, content-addressed store, and manifests with everything known of a model.

Bytes are hashed before they are used, kept under their hash, and never opened as models.
"""
