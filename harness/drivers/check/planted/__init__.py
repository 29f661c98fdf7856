"""Requests that checks send of their own, and what they carry."""
