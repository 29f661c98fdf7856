"""Reads a fleet file and the runs that it declares."""
