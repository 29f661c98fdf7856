"""Confirms what an experiment did: the objects that it hit, the probes of the fault and of its end, and their tolerances."""
