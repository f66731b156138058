"""What a model and this gateway are: catalog, JSON Schema, OpenAPI, the page /docs, sample requests."""
