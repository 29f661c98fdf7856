"""Rollbacks of releases: when a trigger must fire, why a release was taken back, and what happens to a bad release."""
