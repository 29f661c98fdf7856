"""Checks of caches that speak the Redis protocol: of servers, of their clusters, and of what the platform reads from them."""
