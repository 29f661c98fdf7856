"""Figures over time and against a baseline: drift, soak, variation, growth of memory, improvement."""
