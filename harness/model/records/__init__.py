"""The records of a run that the judge reads: evidence, tables, observations, windows, and their rules."""
