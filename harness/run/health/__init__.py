"""The health of the target during a run, decided by the judge's own rule 8: steady, present, served again after a fault."""
