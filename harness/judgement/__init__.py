"""Judges a recorded run: plan and evidence in, verdicts out. Pure: no IO, no clock, no randomness, no environment."""
