"""Many calls of the target at once: sign-ins, bursts, and who answers at each region's own entry."""
