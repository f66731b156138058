"""Serve many models from one file: registry.yaml in, validated REST endpoints out."""

import os

__version__ = "0.1.0"

# ONNX Runtime writes a device id into the home and may send usage, unless this is set before its first import;
# nothing that this gateway sees leaves the machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
