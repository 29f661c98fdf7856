"""Checks of workloads and their pods: declared fields, size, health, scheduling, and Jobs of the product."""
