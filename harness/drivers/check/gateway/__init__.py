"""Checks of the way into the cluster: the gateway, its routes, and the self-service portal."""
