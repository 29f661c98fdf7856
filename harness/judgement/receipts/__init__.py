"""Receipts (rule 6): proofs that load, fault, watch, restore and release were as planned."""
