"""Figures of autoscalers, from what they reported while the load was known."""
