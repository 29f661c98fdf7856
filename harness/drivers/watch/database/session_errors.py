"""The errors of a database session, in a module that imports no database client."""

from __future__ import annotations


class NoAnswerError(Exception):
    """The database gave no valid answer; the message is a short reason for the row."""


class NoTableError(NoAnswerError):
    """The query names a table that does not exist."""
