"""Keys of the target file that several checks need."""

from __future__ import annotations

from typing import Final

from harness.model.planned.need import RequiredKey


def within(key: str, why: str) -> RequiredKey:
    """A needed key within a section of the target file."""
    return RequiredKey(key, why, f"`{key}`")


ENTRY: Final = RequiredKey("entry", "requests are sent to the entry")
API: Final = RequiredKey("kubernetes", "the check reads the Kubernetes API")
PODS: Final = RequiredKey("kubernetes", "the pods are found through the Kubernetes API")
DATABASE: Final = RequiredKey("database", "the check queries the database")
MONITOR: Final = RequiredKey("prometheus", "the check reads from Prometheus what it scrapes and evaluates")
SERIES: Final = RequiredKey("metrics", "the names of the services' metrics are needed")
EXPOSED: Final = RequiredKey("metrics", "the metrics of every pod are read")
NO_ENTRIES: Final = ("region with an `entry`", "add `entry:` to each region of `regions:`")
"""What a target without `doors` lacks, and the hint."""
ENTRIES: Final = RequiredKey("doors", "requests are sent to the entry of every region", *NO_ENTRIES)
READS: Final = within("probes.services", "a read of every service is sent to the entry of every region")
DECLARED_CALLERS: Final = RequiredKey("callers", "a declared caller connects to the backend")
