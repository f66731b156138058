"""
Verified bytes of artifacts, and the manifests that say what is known of them.

Bytes are hashed before they are used, kept under their hash, and never opened as models.
"""
