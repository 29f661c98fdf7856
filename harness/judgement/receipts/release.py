"""The release receipt: whether the planned release answered and ran before and after the load.

The sources are the answers that name a release, the images or digests of every workload, and the target's own version path. During a rollout the
candidate may answer too.

* Without any source the decision line reports that the release was not verified.
* If answers are the only source and more than 1 % of the expected answers name no release, the decision line reports this as well.
* If more than 10 % of the answers name no release on routes whose other answers name a release, the receipt is not ok: another program answers.
* In a run that was cut short before the second reading, the cause of the cut is the reason, and the run is never a GO.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from harness.judgement.recovery import answered
from harness.model import Evidence, Plan, Receipt, ReleaseRead, Table
from harness.model.observations import ActStarted

UNNAMED: Final = 0.01
"""If answers are the only source, at most this share of the successful answers may name no release."""
BESIDE: Final = 0.1
"""If more than this share of the good answers name no release, on routes whose other answers name one, they come from something else."""
FILES: Final = ("history/run.ndjson",)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseReceipt:
    """The release that answered and ran.

    Attributes:
        receipt: ok True: every source names the planned release; False: a source names another release; None: no source, or too few answers.
        answers: number of answers per release, in all windows.
        silent: number of answers that named no release.
        images: the images or digests of each workload by the last reading.
        note: text for the decision line; empty if the release was verified.
    """

    receipt: Receipt
    answers: Mapping[str, int] = field(default_factory=dict)
    silent: int = 0
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""


def release_receipt(plan: Plan, evidence: Evidence) -> ReleaseReceipt:
    """Compare every source of the release with the plan."""
    answers: Counter[str] = Counter()
    silent = good = mute = beside = 0
    for window in evidence.windows.values():
        counts, without = window.samples.once(_named)
        own_good, own_mute, own_beside = window.samples.once(_good)
        good, mute, beside = good + own_good, mute + own_mute, beside + own_beside
        under = plan.rollouts.get(window.rollout) if not window.fault_free else None
        answers.update({name: n for name, n in counts.items() if under is None or name != under.candidate})
        silent += without
    reads = {read.when: read for read in evidence.release_reads}
    troubles = [*_answers(plan, answers), *_images(reads), *_versions(plan, reads.values())]
    if beside > BESIDE * good:
        troubles.append(
            f"{beside} of {good} good answers name no release, although other answers of their routes name a release"
        )
    unread = next(_unread(plan, evidence, reads), "")
    if evidence.cut is None:
        troubles += [unread] if unread else []
    images = next((reads[when].workloads for when in ("after", "before") if when in reads), {})
    called = any(read.version for read in reads.values())
    few = not images and not called and mute > UNNAMED * good
    if troubles:
        receipt, note = Receipt(ok=False, why="; ".join(troubles), files=FILES), troubles[0]
    elif unread:
        receipt, note = Receipt(ok=None, why=unread, files=FILES), f"release not verified: {unread}"
    elif few and answers:
        why = f"{mute} of {good} expected answers name no release, and no image, digest or version was read"
        receipt, note = Receipt(ok=None, why=why, files=FILES), f"release not verified: {why}"
    elif not (answers or called):
        why = "no answer names a release, and no image, digest or version was read"
        if images:
            why = f"{_same(images)}, and no source shows that these are {plan.release}"
        receipt, note = Receipt(ok=None, why=why, files=FILES), f"release not verified: {why}"
    else:
        receipt, note = Receipt(ok=True, why=_verified(plan, answers, images), files=FILES), ""
    return ReleaseReceipt(
        receipt=receipt, answers=dict(sorted(answers.items())), silent=silent, images=images, note=note
    )


def _named(samples: Table) -> tuple[Mapping[str, int], int]:
    words = samples.words["release"]
    counts = words.counts
    answered = int((samples.ints["status"] > 0).sum())
    return counts, max(answered - sum(counts.values()), 0)


def _good(samples: Table) -> tuple[int, int, int]:
    """Number of expected answers, how many of them name no release, and how many of the latter are on routes whose other answers name one.

    Errors are not counted, as they may come from a load balancer, which has no release.
    """
    good = answered(samples)
    named = ~samples.words["release"].missing
    names = samples.words["name"].codes
    beside = good & ~named & np.isin(names, names[good & named])
    return int(good.sum()), int((good & ~named).sum()), int(beside.sum())


def _answers(plan: Plan, answers: Mapping[str, int]) -> Iterable[str]:
    others = {name: n for name, n in answers.items() if name != plan.release}
    if others:
        named = ", ".join(f"{n} named {name}" for name, n in sorted(others.items()))
        yield f"of {sum(answers.values())} answers that name a release {named}, expected {plan.release}"


def _images(reads: Mapping[str, ReleaseRead]) -> Iterable[str]:
    for read in reads.values():
        several = [
            (name, sorted(set(images))) for name, images in sorted(read.workloads.items()) if len(set(images)) > 1
        ]
        if several:
            workload, images = several[0]
            more = f" (and {len(several) - 1} more workloads ran several images)" if len(several) > 1 else ""
            yield f"{workload} ran {len(images)} images {read.when} the load, expected 1: {', '.join(images)}{more}"
    if {"before", "after"} <= reads.keys() and not any(read.why for read in reads.values()):
        before, after = reads["before"].workloads, reads["after"].workloads
        for workload in sorted({*before, *after}):
            if set(before.get(workload, ())) != set(after.get(workload, ())):
                old, new = (", ".join(sorted(set(w.get(workload, ())))) or "nothing" for w in (before, after))
                yield f"{workload} ran {old} before the load and {new} after the load, expected the same image"


def _unread(plan: Plan, evidence: Evidence, reads: Mapping[str, ReleaseRead]) -> Iterator[str]:
    """Texts about a reading of the release that failed or was not made; a live run reads it before its first act and after its last."""
    yield from (f"the release could not be read {one.when} the load: {one.why}" for one in reads.values() if one.why)
    if len(reads) == 1:
        yield f"the release was read only {next(iter(reads))} the load"
    if not reads and plan.live and any(evidence.every(ActStarted)):
        yield "the release was read neither before nor after the load"


def _versions(plan: Plan, reads: Iterable[ReleaseRead]) -> Iterable[str]:
    for read in reads:
        if read.version and read.version != plan.release:
            yield f"the target reported version {read.version} {read.when} the load, expected {plan.release}"


def _verified(plan: Plan, answers: Mapping[str, int], images: Mapping[str, tuple[str, ...]]) -> str:
    parts = [f"{answers[plan.release]} answers named {plan.release}"] if plan.release in answers else []
    parts += [_same(images)] if images else []
    return " and ".join(parts) or f"the target reported version {plan.release} before and after the load"


def _same(images: Mapping[str, tuple[str, ...]]) -> str:
    return f"{len(images)} workloads ran the same images before and after the load"
