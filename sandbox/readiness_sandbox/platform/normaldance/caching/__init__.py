"""The platform's cache: a Valkey cluster, and the tracks that are read through it."""
