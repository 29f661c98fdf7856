"""Makes the plan of a run and shows it: selection, outlook, permissions, API groups, refusals."""
