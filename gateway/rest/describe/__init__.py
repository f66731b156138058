"""Description of the gateway and its models over HTTP: catalog, JSON Schema, OpenAPI, /docs, sample requests."""
