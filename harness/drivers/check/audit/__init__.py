"""The audit log: its entries, what must have one, and what its own check reports."""
