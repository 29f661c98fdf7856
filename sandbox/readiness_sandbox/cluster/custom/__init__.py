"""Custom resources: kinds that CustomResourceDefinitions define, served as built-in ones."""
