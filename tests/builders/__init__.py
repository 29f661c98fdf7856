"""Plans, acts and records for tests, each valid as it is; a test says only what it is about."""
