"""OpenAPI descriptions: the documents, their operations and schemas, where they are read from, and answers held against them."""
