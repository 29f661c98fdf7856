"""Figures of autoscalers, from what they said of themselves while the load was known."""
