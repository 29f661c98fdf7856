"""Rollouts as the judge reads them: their triggers, their steps, and the release that answered each user."""
