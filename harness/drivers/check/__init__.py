"""Checks: named facts read from the live target, expected against measured."""
