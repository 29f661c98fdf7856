"""`documentation` and `quality-report`: check what was published for this release, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Final

from harness.drivers.check.claim import claim
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
from harness.drivers.check.release import running_version
from harness.drivers.check.state.fields import image_tag
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import controller_reference
from harness.targets.http import http_client
from harness.targets.kubernetes import Object
from harness.targets.places import Clusters, namespaces

WRITTEN_AT: Final = "written_at"
"""Key of a JSON report with the time when it was written (RFC 3339); without it the header Last-Modified is used."""
_AHEAD_S: Final = 2.0
"""Tolerance in s for clocks that are ahead; a document dated further in the future has no valid age."""


@claim(
    "the documentation address answers 200 and names this version within <age:period> of the switch",
    about=(
        "The page at `documentation` of the target file; published is what its header Last-Modified says, the switch was when the "
        "newest ReplicaSet that has pods was made. A page that names another version fails, however recent the switch."
    ),
    example="the documentation address answers 200 and names this version within 24 h of the switch",
    needs=(
        RequiredKey("documentation", "the documentation is requested"),
        RequiredKey("kubernetes", "the newest ReplicaSet says when the switch was"),
    ),
)
@accesses(*access("list replicasets.apps"))
def documentation(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Request the documentation: it must name the release under test and be published at most `age` after the switch to it."""
    url, release, limit_s = _address(target, "documentation"), release_of(target), period_s(params["age"], target)

    def probe() -> Sequence[FactReading]:
        with http_client(target, url, timeout_s=WITHIN_S) as client:
            answered = ask(client, url)
        named = names_it(answered, f"{url}: release", release)
        return [answered.as_fact(url), named, *([_in_time(target, answered, limit_s)] if named.ok else [])]

    return probe


def _in_time(target: Target, answered: LinkAnswer, limit_s: float) -> FactReading:
    """The fact on when documentation was published: in time if the switch was less than the limit ago, or by its own date."""
    expected = f"at most {said_age(limit_s)} after the switch"
    subject = f"{answered.url}: published"
    switched, modified = _switched_at(target), answered.modified_at
    if switched is None:
        return FactReading(subject=subject, expected=expected, observed="no ReplicaSet says when that was", ok=None)
    since_s = age_s(switched)
    if modified is None:
        ok, observed = (True if since_s <= limit_s else None), f"at most {said_age(since_s)} after it, with no date"
    else:
        ahead_s, after_s = -age_s(modified), since_s - age_s(modified)
        ok, observed = after_s <= limit_s, f"{said_age(after_s)} after it"
        if ok and ahead_s > _AHEAD_S:
            ok, observed = None, _disagree(ahead_s)
    return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)


def _switched_at(target: Target) -> datetime | None:
    """When the last workload was switched to this release: the oldest ReplicaSet of this release. None if no ReplicaSet has pods.

    The oldest one is used because a restart creates another ReplicaSet of the same release.
    """
    clusters, made = Clusters(target), list[datetime]()
    for region, namespace in namespaces(target).items():
        owned: dict[str, list[Object]] = {}
        for one in clusters.of(region).replica_sets(namespace):
            owned.setdefault(_owner(one), []).append(one)
        made += [switched for own in owned.values() if (switched := _given_at(own, target.release.version)) is not None]
    return max(made, default=None)


def _owner(replica_set: Object) -> str:
    owner = controller_reference(replica_set)
    return str(owner["uid"] if owner else replica_set["metadata"]["name"])


def _given_at(own: Sequence[Object], release: str) -> datetime | None:
    """Since when one workload has had its release: creation of the first ReplicaSet in the unbroken series of this release."""
    rows = sorted(own, key=_made_at, reverse=True)
    newest = next((at for at, one in enumerate(rows) if one["spec"].get("replicas")), None)
    if newest is None:
        return None
    mark = _mark(rows[newest], release)
    same = list(takewhile(lambda one: _mark(one, release) == mark, rows[newest:]))
    return _made_at(same[-1])


def _made_at(replica_set: Object) -> datetime:
    return datetime.fromisoformat(str(replica_set["metadata"]["creationTimestamp"]))


def _mark(replica_set: Object, release: str) -> object:
    """The key of a ReplicaSet's release: its images if their tags name the release, else the complete pod template."""
    spec = replica_set["spec"]["template"]["spec"]
    images = [str(one.get("image", "")) for one in spec["containers"]]
    named = any(image_tag(image) == release for image in images)
    return sorted(images) if named else spec


@claim(
    "the newest quality report is younger than <age:period> and names the running release",
    example="the newest quality report is younger than 24 h and names the running release",
    needs=(RequiredKey("quality_report", "the newest quality report is requested"),),
)
def quality_report(target: Target, params: Mapping[str, str]) -> FactProbe:
    """What `quality_report` of the target file answers: its key `written_at`, or its header Last-Modified; and the version that the version path answers, as a word in its text."""
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
    observed, ok = "the report has no date", None
    if seconds is not None and seconds < -_AHEAD_S:
        observed = _disagree(-seconds)
    elif seconds is not None:
        observed, ok = said_age(seconds), seconds < limit_s
    return FactReading(subject=f"{answered.url}: age", expected=f"under {said_age(limit_s)}", observed=observed, ok=ok)


def _disagree(ahead_s: float) -> str:
    return f"the clocks disagree: the report is dated {said_age(ahead_s)} in the future"


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
