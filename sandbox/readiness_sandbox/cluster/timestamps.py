"""Timestamps of API objects: RFC 3339 texts in UTC, written and read in one place."""

from __future__ import annotations

from datetime import UTC, datetime

from harness import clock


def timestamp(at: datetime) -> str:
    """A moment as `metav1.Time` writes it: whole seconds, `2026-01-31T12:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(at: datetime) -> str:
    """A moment as `metav1.MicroTime` writes it: with microseconds, `2026-01-31T12:00:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now_text() -> str:
    """The wall clock as a `timestamp`."""
    return timestamp(clock.wall())


def moment(text: str) -> datetime:
    """The moment of an RFC 3339 text, in UTC. Raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def passed_s(since: str | None, now: datetime) -> float:
    """Seconds from a timestamp until now, negative when it is to come; 0 when there is none."""
    return 0.0 if since is None else (now - moment(since)).total_seconds()
