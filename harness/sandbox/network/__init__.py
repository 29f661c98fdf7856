"""How pods, Services and the host reach each other: a seam with one back-end so far, loopback."""
