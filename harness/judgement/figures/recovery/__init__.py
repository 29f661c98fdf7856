"""Figures of recovery from a fault, and of what keeps working during it."""
