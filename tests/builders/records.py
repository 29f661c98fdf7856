"""Histories that are kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.model import Observation


class Records:
    """A sink that keeps what it is given.

    Attributes:
        kept: in the order given.
    """

    def __init__(self, source: str = "run") -> None:
        self.kept: list[Observation] = []
        self._source = source

    def put(self, kind: str, subject: str, /, **fields: Any) -> Observation:
        """Keep an observation."""
        observation = Observation(
            source=self._source,
            seq=len(self.kept),
            clock="test",
            mono_ns=0,
            wall="",
            kind=kind,
            subject=subject,
            fields=fields,
        )
        self.kept.append(observation)
        return observation

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """The fields of the observations of a kind, each with its subject."""
        return [{"subject": o.subject, **o.fields} for o in self.kept if o.kind == kind]

    def close(self) -> None:
        """Nothing is open."""
