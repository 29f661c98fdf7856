"""Rollouts as the judge reads them: when a trigger must fire, what each step did, who met which release."""
