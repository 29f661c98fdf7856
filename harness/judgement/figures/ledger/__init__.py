"""Figures of writes and events: lost, duplicate or stale ones, for the ledger, journeys and pipelines."""
