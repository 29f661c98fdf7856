"""Custom resources: kinds that CustomResourceDefinitions define, stored and served as the built-in ones are."""
