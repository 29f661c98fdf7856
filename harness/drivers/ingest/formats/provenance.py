"""Where a report comes from: of which release, commit, environment and target it says it is, and when it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import shown
from harness.errors import DriverError

_SHORTEST: Final = 7
"""Characters of an abbreviated commit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What a report says of itself; what it does not say is empty.

    Attributes:
        release: version. commit: of the source. environment, target: where it was made.
        made: when.
        partly: by name, what only a part of the report says. It is not known of the whole, and the file beside it must not say otherwise.
    """

    release: str = ""
    commit: str = ""
    environment: str = ""
    target: str = ""
    made: Moment | None = None
    partly: Mapping[str, str] = field(default_factory=dict)

    def completed(self, other: Provenance, where: str) -> Provenance:
        """What this leaves out, from the other; raises DriverError where both say something and differ."""
        for name, same in (
            ("release", same_release),
            ("commit", same_commit),
            ("environment", _equal),
            ("target", _equal),
        ):
            mine, theirs = getattr(self, name) or self.partly.get(name, ""), getattr(other, name)
            if mine and theirs and not same(mine, theirs):
                raise DriverError(
                    f"contradicts itself: {name} {shown(mine)} and {shown(theirs)}",
                    where=where,
                    hint="remove the file that is of another run",
                )
        empty = {one.name: getattr(other, one.name) for one in fields(self) if not getattr(self, one.name)}
        return replace(self, **empty)


def same_commit(one: str, other: str) -> bool:
    """Whether two commits are the same; one of them may be abbreviated to seven characters or more."""
    one, other = one.lower(), other.lower()
    return one == other or (min(len(one), len(other)) >= _SHORTEST and (one.startswith(other) or other.startswith(one)))


def same_release(one: str, other: str) -> bool:
    """Whether two versions are the same; `v1.0.0` is `1.0.0`."""
    return one.removeprefix("v") == other.removeprefix("v")


def _equal(one: str, other: str) -> bool:
    return one == other
