"""The health of the target during a run, decided by rule 8 of the judge: steady, reachable, recovered after a fault."""
