"""Asks for what is not there."""

from harness.locust import Jurney

__all__ = ["Jurney"]
