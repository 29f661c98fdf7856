"""Confirms the effect of an experiment: the objects that it hit, and the probes of the fault and of its end."""
