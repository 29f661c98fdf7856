"""Rollbacks of releases: when a trigger must fire, why a release was taken back, and the fate of a bad release."""
