"""`backup-retention`: the lifecycle rules of a bucket, by which backups are removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.clock import Deadline
from harness.drivers.check.backups.policies import policy_access, policy_fact
from harness.drivers.check.backups.stores import BACKUPS, store_of
from harness.drivers.check.claim import claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import HarnessError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import Access, accesses
from harness.targets.stores.asking import asked
from harness.targets.stores.s3 import S3Place, setting
from harness.targets.stores.xml import XmlElement

_DAY_S: Final = 86400
_RULE: Final = "retention rule"
_VERSIONS: Final = "earlier versions"
_NO_RULES: Final = "NoSuchLifecycleConfiguration"


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
    """

    name: str
    prefix: str
    conditions: tuple[str, ...] = ()
    days: int | None = None
    dated: bool = False
    earlier_days: int | None = None
    earlier_kept: int = 0

    def covers(self, prefix: str) -> bool:
        """Whether every object whose name begins so is included."""
        return prefix.startswith(self.prefix) and not self.conditions

    def touches(self, prefix: str) -> bool:
        """Whether some of these objects may be included."""
        return prefix.startswith(self.prefix) or self.prefix.startswith(prefix)


def _accesses(target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    store = target.backups.get(params["backup"])
    return () if store is None else policy_access(store)


@claim(
    "the retention rule of the <backup:name> <kind:copies> is <keep:duration>",
    example="the retention rule of the database backups is 30 d",
    unread=("kind",),
    needs=(BACKUPS,),
)
@accesses(by=_accesses)
def backup_retention(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The lifecycle rules of the bucket that are on: the days after which backups expire and, where the bucket has versions, after which earlier versions go; of resources, the rule of CloudNativePG's Cluster or of Velero's Schedule.

    Of several rules for the place the one with the fewest days counts, as in S3.
    """
    store, keep_s = store_of(target, params), Quantity.parse(params["keep"]).base
    expected = f"{keep_s / _DAY_S:g} d"

    def probe() -> Sequence[FactReading]:
        if store.resources is not None:
            try:
                return [policy_fact(target, store.resources, keep_s)]
            except HarnessError as error:
                return [FactReading(subject=_RULE, expected=expected, observed=str(error), ok=None)]
        if not store.in_bucket:
            why = "a directory has no rule; see which backups are kept and removed during a run"
            return [FactReading(subject=_RULE, expected=expected, observed=why, ok=None)]
        place = S3Place.of(store)
        try:
            found = asked(
                target,
                place,
                setting(place, "lifecycle", "LifecycleConfiguration", _NO_RULES),
                Deadline.after(store.within_s),
            )
            rules = () if found is None else tuple(rules_of(found))
        except HarnessError as error:
            return [FactReading(subject=_RULE, expected=expected, observed=str(error), ok=None)]
        try:
            versions = asked(
                target, place, setting(place, "versioning", "VersioningConfiguration"), Deadline.after(store.within_s)
            )
            has_versions = versions is not None and bool(versions.value("Status"))
        except HarnessError as error:
            unread = FactReading(
                subject=_VERSIONS, expected="known whether there are any", observed=str(error), ok=None
            )
            return [*expiry_facts(rules, place.prefix, keep_s), unread]
        facts = list(expiry_facts(rules, place.prefix, keep_s))
        return [*facts, *version_facts(rules, place.prefix, keep_s)] if has_versions else facts

    return probe


def rules_of(found: XmlElement) -> Iterator[LifecycleRule]:
    """The rules that are on."""
    for rule in found.every("Rule"):
        if rule.value("Status").lower() != "enabled":
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
            days=None if expires is None else _number(expires.value("Days")),
            dated=expires is not None and bool(expires.value("Date")),
            earlier_days=None if earlier is None else _number(earlier.value("NoncurrentDays")),
            earlier_kept=0 if earlier is None else _number(earlier.value("NewerNoncurrentVersions")) or 0,
        )


def expiry_facts(rules: Sequence[LifecycleRule], prefix: str, keep_s: float) -> Iterator[FactReading]:
    """The rule that applies to every backup, and each rule for some of them that may remove those earlier."""
    expected = f"{keep_s / _DAY_S:g} d"
    whole = [(rule.days, rule) for rule in rules if rule.covers(prefix) and rule.days is not None]
    partly = [
        rule
        for rule in rules
        if rule.touches(prefix) and not rule.covers(prefix) and (rule.days is not None or rule.dated)
    ]
    dated = [rule for rule in rules if rule.covers(prefix) and rule.dated]
    if whole:
        days, rule = min(whole, key=lambda one: one[0])
        yield FactReading(
            subject=_RULE, expected=expected, observed=f"{days} d ({rule.name})", ok=days * _DAY_S == keep_s
        )
        doubtful = [one for one in (*partly, *dated) if one.dated or (one.days is not None and one.days < days)]
    else:
        doubtful = [*partly, *dated]
        said = "no rule that is on expires these names" if rules else "the bucket has no rule that is on"
        yield FactReading(subject=_RULE, expected=expected, observed=said, ok=None if doubtful else False)
    for rule in doubtful:
        of = " and ".join(
            filter(None, (f"the prefix {rule.prefix}" if rule.prefix != prefix else "", *rule.conditions))
        )
        when = "on a date" if rule.dated else f"after {rule.days} d"
        observed = f"expires {when}{f', for {of}' if of else ''}: it is not known which backups it means"
        yield FactReading(
            subject=f"rule {rule.name}",
            expected=f"no rule for a part of {prefix or 'the bucket'}",
            observed=observed,
            ok=None,
        )


def version_facts(rules: Sequence[LifecycleRule], prefix: str, keep_s: float) -> Iterator[FactReading]:
    """In a bucket with versions, an expired object becomes an earlier version, which needs a rule of its own."""
    own = [(rule.earlier_days, rule) for rule in rules if rule.covers(prefix) and rule.earlier_days is not None]
    expected = f"removed after at most {keep_s / _DAY_S:g} d"
    if not own:
        partly = any(rule.touches(prefix) and rule.earlier_days is not None for rule in rules)
        said = "only rules for a part of them" if partly else "no rule, so they stay for ever"
        yield FactReading(subject=_VERSIONS, expected=expected, observed=said, ok=None if partly else False)
        return
    days, rule = min(own, key=lambda one: (one[1].earlier_kept, one[0]))
    kept = f", but {rule.earlier_kept} of each name" if rule.earlier_kept else ""
    ok = days * _DAY_S <= keep_s and not rule.earlier_kept
    yield FactReading(
        subject=_VERSIONS, expected=expected, observed=f"removed after {days} d ({rule.name}){kept}", ok=ok
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
