"""Planted attacks: whether they raise the alert in time, and whether the attacker is refused afterwards."""
