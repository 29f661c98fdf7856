"""The errors of a database session, apart from its client: a plan lists the watchers, and asks no database."""

from __future__ import annotations


class NoAnswerError(Exception):
    """The database gave no valid answer; the message is a short text for a row."""


class NoTableError(NoAnswerError):
    """The query names a table that does not exist."""
