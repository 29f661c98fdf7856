"""Scrapes: what is a target, and what it says."""
