"""Statistics: exact and clustered bounds, and tests over time, as pure functions of numbers."""
