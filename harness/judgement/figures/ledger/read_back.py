"""Read-back: every acknowledged write is read with its value in every region, after its acknowledgement and at the end.

The reads of a region are compared with the database, or with the entry if no database was read. A write that the database lacks too is lost,
and `loss` judges it. A replica may lag for as long as the plan allows, so a read soon after an acknowledgement may find nothing. Such a read
fails if it finds another value, or if it finds nothing after the longest lag of that time. That lag is the longest that any database member
showed around the read, or the lag that the plan allows if none was measured or a member did not answer. The reads also fail if more of them
find nothing than the share of measurements with a lagging member explains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.figures.ledger.loss import BACK, ledger_receipt
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.ledger.account import Account, Writes
from harness.judgement.ledger.excuses import account_in, lag_ns
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.special import bdtrc
from harness.judgement.stats.statistics import BY_CHANCE
from harness.judgement.wording import formatted
from harness.model import LEDGER_READS, NOT_DECIDED, Figure, Measure, Phase, ReasonKind, Receipt, Table
from harness.model.judged.harm import Harm
from harness.model.records.table import Bools, Ints, distinct
from harness.units import NS_PER_S

AROUND_NS: Final = NS_PER_S
"""Measurements of the lag this long before or after a read count for it, in ns."""
LEAST_SHARE: Final = 0.1
"""Least share of the acknowledged writes that must be read: the watch reads one in five, and faults hinder some of these reads."""
_AS_RECORDED: Final = "do not change the files of a run, and run again"
_FIND_OUT: Final = "see watch/watch.log for the errors of these reads, correct their cause, then run again"
_AGAIN: Final = (
    "make sure that every region is read at the end of the run, after the replicas caught up, then run again"
)


def read_backs(case: Case) -> Iterable[Measure]:
    """One measure per region, and one of the reads right after an acknowledgement."""
    account = account_in(case.plan, case.evidence)
    regions = sorted({*case.plan.regions, *(source for source in account.missing if source != account.authority)})
    if not regions:
        yield inconclusive(
            case,
            "writes not read back",
            "the plan names no region, expected at least one through which the ledger is read",
            _AGAIN,
        )
    for region in regions:
        yield _region(case, account, region)
    yield _right_after(case, len(account.acknowledged))


def _region(case: Case, account: Account, region: str) -> Measure:
    scope = {"region": region}
    if region not in account.missing:
        why = f"{region}: the ledger was not read through this region"
        return inconclusive(case, "writes not read back", why, _AGAIN, scope=scope)
    missing = account.missing[region]
    unread = missing.among(account.unread) & ~missing.among(account.wrong)
    other = missing.where(~missing.among(account.gone) & ~unread)
    lagging = account.lagging.get(region)
    young = (
        f"{len(lagging)} writes that {region} lacked were too recent to count as missing"
        if lagging is not None and len(lagging)
        else ""
    )
    found = Things(
        bad=len(other),
        n=len(account.acknowledged),
        text=_summary(region, other, len(account.acknowledged), int(unread.sum())),
        scope=scope,
        receipts={"watch": ledger_receipt(case.evidence, account)},
        gaps=(Gap(young, _AGAIN, ReasonKind.TOO_FEW),),
        none=Gap("", "make sure that the ledger's writes are acknowledged, then run again"),
        method="number of acknowledged writes that the database has, and that the last read through the region lacks or shows with another value",
        files=case.evidence.ledger.files,
    )
    return every_one(case, found, "writes not read back")


def _summary(region: str, other: Writes, n: int, unread: int) -> str:
    if unread and not len(other):
        return f"{region}: {unread} of {n} acknowledged writes were missing in the last read{NOT_DECIDED}no read shows whether the database has them"
    if not len(other):
        return f"{region}: the last read shows all {n} acknowledged writes with the values of the database"
    some = ", ".join(other.names(3)) + ("…" if len(other) > 3 else "")
    return f"{region}: the last read lacks {len(other)} of {n} acknowledged writes that the database has, or shows other values: {some}"


def _right_after(case: Case, acknowledged: int) -> Measure:
    reads = case.evidence.tables.get(LEDGER_READS.name, Table.empty(LEDGER_READS))
    absent, wrong, found = (reads.words["state"].equals(word) for word in ("absent", "wrong", "found"))
    n, stale = int((absent | wrong | found).sum()), int(absent.sum())
    allowed_ns, behind = _lags(case.evidence.replicas, reads.ints["sent_ns"], lag_ns(case.plan))
    late = absent & (age_ns(case.evidence.ledger.writes, reads) > allowed_ns)
    bad, most = int((wrong | late).sum()), bool(stale) and bdtrc(stale - 1, n, behind) < BY_CHANCE
    watch = case.evidence.watchers.get("ledger")
    receipt = Receipt(
        ok=watch is not None and watch.closed and not watch.why,
        why="the watcher 'ledger' did not run to the end of the run",
    )
    text = f"{stale} of {n} reads right after the acknowledgement found nothing, {int(wrong.sum())} found another value"
    if int(late.sum()):
        longest_s = float(allowed_ns[late].max()) / NS_PER_S
        text += f", {int(late.sum())} of these reads found nothing after the longest lag of a replica at that time (at most {longest_s:.3g} s)"
    if most:
        text += f"; the lag of database members, measured as above 0 in {formatted(behind, 'ratio')} of the probes, does not explain so many"
    least = math.ceil(LEAST_SHARE * acknowledged)
    few = f"only {n} of {acknowledged} acknowledged writes were read right after their acknowledgement, expected at least {least}"
    strays = _strays(case.evidence.ledger.writes, reads)
    stray = f"{strays} recorded reads repeat an earlier read, or have no write that was acknowledged before them"
    things = Things(
        bad=bad + most,
        n=n,
        text=text,
        receipts={"watch": receipt},
        gaps=(
            Gap(stray if n and strays else "", _AS_RECORDED),
            Gap(few if 0 < n < least else "", _FIND_OUT, ReasonKind.TOO_FEW),
        ),
        none=Gap("", "make sure that the ledger reads its own writes, then run again"),
        value=float(stale + int(wrong.sum())),
        scaled_limit=None,
        method="number of reads right after the acknowledgement of a ledger write that did not find it",
        files=case.evidence.ledger.files,
    )
    return every_one(case, things, "writes not read back at once")


def _lags(replicas: Table, at_ns: Ints, promised_ns: int) -> tuple[Ints, float]:
    """The longest possible lag of a member at each moment, in ns, and the share of probes that measured a lag above 0.

    If nothing was measured around a moment, or a member did not answer, the lag that the plan allows is assumed.
    """
    if not len(replicas):
        return np.full(len(at_ns), promised_ns, dtype=np.int64), 1.0
    known = ~replicas.words["role"].missing
    lag = np.where(known, np.maximum(replicas.ints["lag_ns"], 0), promised_ns)
    order = np.argsort(replicas.ints["at_ns"], kind="stable")
    seen, lag = replicas.ints["at_ns"][order], lag[order]
    first, last = (np.searchsorted(seen, at_ns + shift, side="left") for shift in (-AROUND_NS, AROUND_NS))
    longest = np.maximum.reduceat(np.append(lag, 0), np.stack([first, last], axis=1).ravel())[::2]
    return np.where(last > first, longest, promised_ns), float((lag > 0).mean())


def _strays(writes: Table, reads: Table) -> int:
    """The number of reads that repeat another read, or that have no write which was acknowledged before them."""
    known = writes.where(writes.words["outcome"].equals("accepted"))
    keys, asked = ((rows.ints["by"] << 40) | rows.ints["id"] for rows in (known, reads))
    again = len(asked) - len(distinct(asked))
    return again + int((~np.isin(asked, keys) | (age_ns(known, reads) < 0)).sum())


def age_ns(writes: Table, reads: Table) -> Ints:
    """Age of the write at each read in ns, from its acknowledgement; 0 if not recorded."""
    keys = (writes.ints["by"] << 40) | writes.ints["id"]
    order = np.argsort(keys, kind="stable")
    expected = (reads.ints["by"] << 40) | reads.ints["id"]
    at = np.minimum(np.searchsorted(keys[order], expected), max(len(keys) - 1, 0))
    known: Bools = keys[order][at] == expected if len(keys) else np.zeros(len(expected), dtype=np.bool_)
    age = np.zeros(len(expected), dtype=np.int64)
    age[known] = reads.ints["sent_ns"][known] - writes.ints["accepted_ns"][order][at[known]]
    return age


def _files(_case: Case) -> Iterable[str]:
    yield from ("watch/ledger-", "history/watch.")


SPEC: Final = Spec(
    figure=Figure.READ_BACK,
    judge=read_backs,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.RUN}),
    evidence=_files,
    judges=frozenset({Harm.READS_STALE}),
    needs=lambda _objective: (
        Need(key="ledger", why="the writes of the write ledger are read back"),
        BACK,
    ),
)
