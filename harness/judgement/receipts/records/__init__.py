"""Receipts of the records themselves: complete, unique, possible, consistent with one another, and of one run."""
