"""`documentation` and `quality-report`: what was published of this release, and how soon or how long ago."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from harness.drivers.check.links.answers import (
    WITHIN_S,
    LinkAnswer,
    age_s,
    ask,
    names_it,
    period_s,
    release_of,
    said_age,
)
from harness.drivers.check.places import Clusters, namespaces
from harness.drivers.check.release import running_version
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.http import http_client

WRITTEN_AT: Final = "written_at"
"""Key of a report in JSON: when it was written, as RFC 3339; else the header Last-Modified says it."""


@accesses(*access("list replicasets.apps"))
def documentation(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Request the documentation: it names the release that is judged, and was published at most `age` after the switch to it."""
    url, release, limit_s = _address(target, "documentation"), release_of(target), period_s(params["age"], target)

    def probe() -> Sequence[FactReading]:
        with http_client(target, url, timeout_s=WITHIN_S) as client:
            answered = ask(client, url)
        named = names_it(answered, f"{url}: release", release)
        return [answered.as_fact(url), named, *([_in_time(target, answered, limit_s)] if named.ok else [])]

    return probe


def _in_time(target: Target, answered: LinkAnswer, limit_s: float) -> FactReading:
    """A page that names the release today was in time where the switch was not so long ago, or where it says since when it is so."""
    expected = f"at most {said_age(limit_s)} after the switch"
    subject = f"{answered.url}: published"
    switched, modified = _switched_at(target), answered.modified_at
    if switched is None:
        return FactReading(subject=subject, expected=expected, observed="no ReplicaSet says when that was", ok=None)
    since_s = age_s(switched)
    if modified is None:
        ok, observed = (True if since_s <= limit_s else None), f"at most {said_age(since_s)} after it, with no date"
    else:
        after_s = since_s - age_s(modified)
        ok, observed = after_s <= limit_s, f"{said_age(after_s)} after it"
    return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)


def _switched_at(target: Target) -> datetime | None:
    """When the newest ReplicaSet with pods was made: the last workload that was given this release. None where there is none."""
    clusters = Clusters(target)
    made = [
        str(one["metadata"]["creationTimestamp"])
        for region, namespace in namespaces(target).items()
        for one in clusters.of(region).replica_sets(namespace)
        if one["spec"].get("replicas")
    ]
    return max(map(datetime.fromisoformat, made), default=None)


def quality_report(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Request the newest quality report: it is younger than `age`, and names the release that runs."""
    url, limit_s = _address(target, "quality_report"), period_s(params["age"], target)

    def probe() -> Sequence[FactReading]:
        running = running_version(target)
        with http_client(target, url, timeout_s=WITHIN_S) as client:
            answered = ask(client, url)
        if not answered.ok:
            return [answered.as_fact(url)]
        return [answered.as_fact(url), _young(answered, limit_s), names_it(answered, f"{url}: release", running)]

    return probe


def _young(answered: LinkAnswer, limit_s: float) -> FactReading:
    written = _written_at(answered)
    seconds = None if written is None else age_s(written)
    return FactReading(
        subject=f"{answered.url}: age",
        expected=f"under {said_age(limit_s)}",
        observed="it does not say when it was written" if seconds is None else said_age(seconds),
        ok=None if seconds is None else seconds < limit_s,
    )


def _written_at(answered: LinkAnswer) -> datetime | None:
    try:
        content = json.loads(answered.text)
        return datetime.fromisoformat(content[WRITTEN_AT])
    except (ValueError, TypeError, KeyError, RecursionError):
        return answered.modified_at


def _address(target: Target, key: str) -> str:
    url = str(getattr(target, key))
    if not url:
        raise ConfigurationError(
            f"names no {key.replace('_', ' ')}", where=f"{target.file}: {key}", hint=f"write `{key}: https://…`"
        )
    return url
