"""Makes the plan of a run and prints it: selection, outlook, permissions, API groups, refusals."""
