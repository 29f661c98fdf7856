"""Checks of TLS: handshakes, certificates, client certificates, and what plain text gets."""
