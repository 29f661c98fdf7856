"""Watchers of the target's entries and services over HTTP: reads, health, the portal, and the controls."""
