"""Figures of autoscalers, from their reports during a known load."""
