"""How pods, Services and the host reach each other.

A seam with one back-end so far, loopback.
"""
