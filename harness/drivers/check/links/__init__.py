"""Checks of published pages and their assets, runbooks, documentation and reports, read at their addresses."""
