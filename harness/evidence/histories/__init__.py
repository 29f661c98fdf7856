"""Histories of a run: writes and merges them, and reads experiments, facts, load generators and windows from them."""
