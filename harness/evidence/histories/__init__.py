"""Histories of a run: written, merged, and read as experiments, facts, load generators and windows."""
