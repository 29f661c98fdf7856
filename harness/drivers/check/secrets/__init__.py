"""Searches for values of Secrets in places where they must not be. No value is ever printed or recorded."""
