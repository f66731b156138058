"""Protocols of other model servers: Open Inference Protocol (V2) and MLflow scoring."""
