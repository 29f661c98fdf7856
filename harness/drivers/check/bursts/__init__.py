"""Checks of a rate limit: one client sends more than it may, others send what they may."""
