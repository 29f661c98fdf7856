"""What the lifecycle rules of a bucket say of when backups go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.drivers.facts import FactReading
from harness.targets.stores.xml import XmlElement

RULE: Final = "retention rule"
VERSIONS: Final = "earlier versions"
DAY_S: Final = 86400
_INSIDE: Final[Mapping[str, Mapping[str, bool]]] = {
    "Expiration": {"Days": True, "Date": False, "ExpiredObjectDeleteMarker": False, "ExpiredObjectAllVersions": False},
    "NoncurrentVersionExpiration": {"NoncurrentDays": True, "NewerNoncurrentVersions": True},
}
"""What a rule may say of when something goes, and whether it is a number. Source: API reference of S3, `LifecycleRule`; the last of the first is MinIO's."""
_KNOWN: Final = frozenset(
    {
        *_INSIDE,
        "ID",
        "Prefix",
        "Filter",
        "Status",
        "Transition",
        "NoncurrentVersionTransition",
        "AbortIncompleteMultipartUpload",
        "DelMarkerExpiration",
    }
)
"""What a rule may say. Source: API reference of S3, `LifecycleRule`; the last is MinIO's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LifecycleRule:
    """A rule of a bucket.

    Attributes:
        name: id of the rule, or its prefix.
        prefix: names that begin so are included.
        conditions: other conditions, such as tags, by the names of their elements.
        days: days after which an object expires; None: it does not say.
        dated: whether objects expire on a date.
        earlier_days: days after which an earlier version is removed; None: it does not say.
        earlier_kept: number of earlier versions that stay beyond those days.
        with_versions: whether the earlier versions of an object go when it expires, as MinIO has it.
        strange: what it says that is not of S3, by the names of the elements.
    """

    name: str
    prefix: str
    conditions: tuple[str, ...] = ()
    days: int | None = None
    dated: bool = False
    earlier_days: int | None = None
    earlier_kept: int = 0
    with_versions: bool = False
    strange: tuple[str, ...] = ()

    def covers(self, prefix: str) -> bool:
        """Whether every object whose name begins so is included."""
        return prefix.startswith(self.prefix) and not self.conditions and not self.strange

    @property
    def expires(self) -> bool:
        """Whether it may remove objects that have no later version."""
        return self.days is not None or self.dated or bool(self.strange)

    def touches(self, prefix: str) -> bool:
        """Whether some of these objects may be included."""
        return prefix.startswith(self.prefix) or self.prefix.startswith(prefix)


def rules_of(found: XmlElement) -> Iterator[LifecycleRule]:
    """The rules that are on, and those of which that is not known."""
    for rule in found.every("Rule"):
        status = rule.value("Status").lower()
        if status == "disabled":
            continue
        chosen = rule.first("Filter")
        parts = (
            []
            if chosen is None
            else [one for part in chosen.inner for one in (part.inner if part.name == "And" else [part])]
        )
        prefix = next((one.text.strip() for one in parts if one.name == "Prefix"), rule.value("Prefix"))
        expires, earlier = rule.first("Expiration"), rule.first("NoncurrentVersionExpiration")
        yield LifecycleRule(
            name=rule.value("ID") or prefix or "without an id",
            prefix=prefix,
            conditions=tuple(one.name for one in parts if one.name != "Prefix"),
            days=None if expires is None else number(expires.value("Days")),
            dated=expires is not None and bool(expires.value("Date")),
            earlier_days=None if earlier is None else number(earlier.value("NoncurrentDays")),
            earlier_kept=0 if earlier is None else number(earlier.value("NewerNoncurrentVersions")) or 0,
            with_versions=expires is not None and expires.value("ExpiredObjectAllVersions").lower() == "true",
            strange=tuple(_strange(rule, status)),
        )


def _strange(rule: XmlElement, status: str) -> Iterator[str]:
    """What a rule says that is not known here, so that it is not known when it removes what."""
    if status != "enabled":
        yield "Status"
    yield from (one.name for one in rule.inner if one.name not in _KNOWN)
    for name, parts in _INSIDE.items():
        inside = rule.first(name)
        for part in () if inside is None else inside.inner:
            is_number = parts.get(part.name)
            if is_number is None or (is_number and number(part.text.strip()) is None):
                yield part.name


def expiry_facts(rules: Sequence[LifecycleRule], prefix: str, keep_s: float) -> Iterator[FactReading]:
    """The rule that applies to every backup, and each rule for some of them that may remove those earlier."""
    expected = f"{keep_s / DAY_S:g} d"
    whole = [(rule.days, rule) for rule in rules if rule.covers(prefix) and rule.days is not None]
    partly = [rule for rule in rules if rule.touches(prefix) and not rule.covers(prefix) and rule.expires]
    dated = [rule for rule in rules if rule.covers(prefix) and rule.dated]
    if whole:
        days, rule = min(whole, key=lambda one: one[0])
        yield FactReading(
            subject=RULE, expected=expected, observed=f"{days} d ({rule.name})", ok=days * DAY_S == keep_s
        )
        doubtful = [one for one in (*partly, *dated) if one.dated or one.strange or (one.days or 0) < days]
    else:
        doubtful = [*partly, *dated]
        said = "no rule that is on expires these names" if rules else "the bucket has no rule that is on"
        yield FactReading(subject=RULE, expected=expected, observed=said, ok=None if doubtful else False)
    for rule in doubtful:
        of = " and ".join(
            filter(None, (f"the prefix {rule.prefix}" if rule.prefix != prefix else "", *rule.conditions))
        )
        when = (
            f"by {', '.join(rule.strange)}" if rule.strange else "on a date" if rule.dated else f"after {rule.days} d"
        )
        observed = f"expires {when}{f', for {of}' if of else ''}: it is not known which backups it means"
        yield FactReading(
            subject=f"rule {rule.name}",
            expected=f"no rule for a part of {prefix or 'the bucket'}",
            observed=observed,
            ok=None,
        )


def version_facts(
    rules: Sequence[LifecycleRule], prefix: str, keep_s: float, *, suspended: bool = False
) -> Iterator[FactReading]:
    """In a bucket with versions, an expired object becomes an earlier version, which needs a rule of its own.

    With `suspended`, one that was stored since then has no earlier version, and others may have.
    """
    own = [(rule.earlier_days, rule) for rule in rules if rule.covers(prefix) and rule.earlier_days is not None]
    expected = f"removed after at most {keep_s / DAY_S:g} d"
    if not own:
        known, said = _without_rule([rule for rule in rules if rule.touches(prefix)], suspended=suspended)
        yield FactReading(subject=VERSIONS, expected=expected, observed=said, ok=None if not known else False)
        return
    days, rule = min(own, key=lambda one: (one[1].earlier_kept, one[0]))
    kept = f", but {rule.earlier_kept} of each name" if rule.earlier_kept else ""
    ok = days * DAY_S <= keep_s and not rule.earlier_kept
    yield FactReading(
        subject=VERSIONS, expected=expected, observed=f"removed after {days} d ({rule.name}){kept}", ok=ok
    )


def _without_rule(rules: Sequence[LifecycleRule], *, suspended: bool) -> tuple[bool, str]:
    """Whether it is known that earlier versions stay, where no rule is for all of them, and why."""
    if any(rule.strange for rule in rules):
        return False, "a rule says what is not of S3"
    if any(rule.with_versions for rule in rules):
        return False, "they go with the last version of their name, at a time that is not known"
    if any(rule.earlier_days is not None for rule in rules):
        return False, "only rules for a part of them"
    if suspended:
        return False, "no rule, and the bucket makes no more of them: it is not known whether there are any"
    return True, "no rule, so they stay for ever"


def number(text: str) -> int | None:
    """A whole number, of days or versions; None: another text."""
    return int(text) if text.isdecimal() and len(text) < 10 else None
