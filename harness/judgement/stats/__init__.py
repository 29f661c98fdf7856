"""Statistics: exact and clustered bounds, tests over time. Numbers in, numbers out."""
