"""Chaos reports of other tools, of known truth."""
