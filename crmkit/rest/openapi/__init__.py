"""The OpenAPI document: every entity spelled out, as far as it exists for whoever reads the document."""
