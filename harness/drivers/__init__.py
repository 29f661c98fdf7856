"""Drivers act on the target and record what happened; they never judge. Each kind has a package, and the packages do not import each other."""
