"""Checks of the declared and the running state of a cluster: fields of containers and workloads, and versions."""
