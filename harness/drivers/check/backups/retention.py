"""`backup-retention`: the lifecycle rules of a bucket, by which backups are removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.clock import Deadline
from harness.drivers.check.backups.lifecycle import DAY_S, RULE, VERSIONS, expiry_facts, number, rules_of, version_facts
from harness.drivers.check.backups.policies import policy_access, policy_fact
from harness.drivers.check.backups.stores import BACKUPS, store_of
from harness.drivers.check.claim import claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import HarnessError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import Access, accesses
from harness.targets.files.backups import BackupStore
from harness.targets.stores.asking import asked
from harness.targets.stores.s3 import NoSetting, S3Place, setting

_LOCK: Final = "lock of a version"
_NO_RULES: Final = "NoSuchLifecycleConfiguration"
_YEAR_D: Final = 365


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

    def probe() -> Sequence[FactReading]:
        try:
            if store.resources is not None:
                return [policy_fact(target, store.resources, keep_s)]
            if store.in_bucket:
                return list(_in_bucket(target, store, keep_s))
            why = "a directory has no rule; see which backups are kept and removed during a run"
        except HarnessError as error:
            why = str(error)
        return [FactReading(subject=RULE, expected=f"{keep_s / DAY_S:g} d", observed=why, ok=None)]

    return probe


def _in_bucket(target: Target, store: BackupStore, keep_s: float) -> Iterator[FactReading]:
    """What the rules of a bucket say, and of one that has or had versions what becomes of those. Raises HarnessError: no rule was read."""
    place = S3Place.of(store)
    found = asked(
        target, place, setting(place, "lifecycle", "LifecycleConfiguration", _NO_RULES), Deadline.after(store.within_s)
    )
    rules = () if found is None else tuple(rules_of(found))
    yield from expiry_facts(rules, place.prefix, keep_s)
    steps = setting(place, "versioning", "VersioningConfiguration")
    try:
        versions = asked(target, place, steps, Deadline.after(store.within_s))
    except HarnessError as error:
        yield FactReading(subject=VERSIONS, expected="known whether there are any", observed=str(error), ok=None)
        return
    status = "" if versions is None else versions.value("Status")
    if status:
        yield from version_facts(rules, place.prefix, keep_s, suspended=status == "Suspended")
        yield from _locks(target, store, place, keep_s)


def _locks(target: Target, store: BackupStore, place: S3Place, keep_s: float) -> Iterator[FactReading]:
    """Whether the bucket locks each version by default, and for how long: no rule removes it before."""
    expected = f"at most {keep_s / DAY_S:g} d, or none"
    steps = setting(place, "object-lock", "ObjectLockConfiguration", "ObjectLockConfigurationNotFoundError")
    try:
        found = asked(target, place, steps, Deadline.after(store.within_s))
    except NoSetting:
        return
    except HarnessError as error:
        yield FactReading(subject=_LOCK, expected=expected, observed=str(error), ok=None)
        return
    lock = None if found is None else found.first("Rule")
    if lock is None:
        return
    kept = lock.first("DefaultRetention")
    days = None if kept is None else number(kept.value("Days"))
    years = None if kept is None else number(kept.value("Years"))
    days = days if days is not None or years is None else years * _YEAR_D
    said = "for a time that is not known" if days is None else f"{days} d"
    ok = None if days is None else days * DAY_S <= keep_s
    yield FactReading(subject=_LOCK, expected=expected, observed=said, ok=ok)
