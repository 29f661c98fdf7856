"""Watchers of the Kubernetes API: pods, nodes, leaders, autoscalers, Jobs that migrate."""
