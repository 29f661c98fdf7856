"""Drivers act on the target and record what happened; they never judge. Each kind has its own package, independent of the others."""
