"""Figures of the metrics that the platform itself exposes, compared with measurements of the traffic."""
