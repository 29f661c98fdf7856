"""One load generator process: options, recorder, health, and the end of the load."""
