"""Checks of the declared and the running state of a cluster: nouns and the form that reads them, workloads, services, and versions."""
