"""The OpenAPI description of each service: what its operations take and answer (`operations`), and the document of those that a service serves (`document`)."""
