"""One load generator process: options, recorder, health, orderly end."""
