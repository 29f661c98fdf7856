"""Checks that send many requests at once: sign-ins, bursts, and requests to each region's own entry."""
