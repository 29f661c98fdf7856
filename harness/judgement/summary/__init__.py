"""Summaries of a judged run for the reports, and its differences from another run."""
