"""Figures of pods, containers and services in the cluster: replacement, restarts, discovery, health, connections."""
