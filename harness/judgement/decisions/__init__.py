"""Verdicts of requirements and the decision on the release, from measures, harm and waivers."""
