"""Watchers that write: the ledger, the pipeline, and the final read of both."""
