"""Receipts of faults: sent, effective, confirmed by an independent history, met by a request, and undone."""
