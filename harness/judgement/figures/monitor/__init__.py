"""Figures of the metrics that the platform itself exposes, compared with what the traffic measured."""
