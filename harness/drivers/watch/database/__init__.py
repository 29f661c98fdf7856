"""Watchers of the database members: replication lag, copies of the ledger, statements."""
