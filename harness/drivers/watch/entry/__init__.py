"""Watchers of the target's entries and services over HTTP: reads, health, portal and controls."""
