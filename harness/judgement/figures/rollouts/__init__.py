"""Rollouts as the judge reads them: when a trigger must fire, what each step did, which users met which release."""
