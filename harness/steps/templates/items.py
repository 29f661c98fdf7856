"""What becomes of writes, events and requests, one by one, and how old the newest copy of data is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.model import DemandKind, Figure, Objective, Op, Phase, Scope
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import facts, measured, no_lost_write
from harness.steps.slots import Values
from harness.steps.template import Noun, Template, form


def _migrations(slots: Values) -> Meaning:
    """The migration of the run is the check that migrates there and back."""
    objective = Objective(
        figure=Figure.MIGRATION_BACKUP,
        scope=Scope(phase=Phase.RUN),
        op=Op.AT_MOST,
        limit=slots.quantity("limit"),
        sentence="",
        check="migrated-and-back",
        demand=DemandKind.CHECK,
    )
    return Meaning(objective=objective)


def _copies(slots: Values) -> Meaning:
    """What the writes of the run show, and what calls show that are made for it, where the sentence names a class of operations."""
    meaning = measured(Figure.COPIES, phase=Phase.RUN)(slots)
    if "class" not in slots:
        return meaning
    calls = facts(DemandKind.CHECK, "calls-sent-twice", **{"class": "<class>"})(slots).objective
    return replace(meaning, also=calls, parts=("writes of the run", f"calls of every {slots['class']}"))


_AGE: Final = measured(Figure.BACKUP_AGE, phase=Phase.RUN, params={"backup": "<backup>"})
_MEASURED: Final = "The age of the newest finished one, on the store's own clock, at every moment of the run; what was removed meanwhile does not count."
ITEMS: Final = (
    form(
        "nothing-lost",
        "no <item:noun> is <lost:noun>",
        "What no fault takes away.",
        Noun(
            ("acknowledged write[ older than <age:period>]", "lost[ in any <experiments>]"),
            no_lost_write,
            "Every write that was acknowledged is there afterwards, in the database and in every region that can be asked: in each experiment that is "
            "named, or that the scenario ran.",
            "no acknowledged write older than 1 h is lost in any disaster experiment",
        ),
        Noun(
            ("signed-in user", "signed out after a cache node or a service pod was killed"),
            measured(Figure.SIGNED_OUT, phase=Phase.FAULT, domains=("cache", "pod")),
            "Test users are signed in at every entry before the fault. From then on the page that is only for them is asked for with each session, until it was "
            "served after the restore: none is refused with 401, 403, or the redirect that a visitor gets.",
            "no signed-in user is signed out after a cache node or a service pod was killed",
        ),
    ),
    form(
        "every-item",
        "every <item:noun> is <kept:noun>",
        "What becomes of each write that was acknowledged, and of each event that was accepted, in the whole run, faults included.",
        Noun(
            ("acknowledged write", "there once[ and the calls cover every <class:class>]"),
            _copies,
            "No acknowledged write of the ledger is there twice, and what journeys wrote is there and was counted once; and, where a class is named, "
            "every operation of it is called twice with one key, and the second call has no effect.",
            "every acknowledged write is there once and the calls cover every write operation",
        ),
        Noun(
            ("acknowledged write", "read back equal in every region"),
            measured(Figure.READ_BACK, phase=Phase.RUN),
            "Every acknowledged write of the ledger is in the last read through each region, as it was written.",
            "every acknowledged write is read back equal in every region",
        ),
        Noun(
            ("accepted event", "visible once and whole within <limit:reaction>"),
            measured(Figure.EVENTS, phase=Phase.RUN),
            "Every event that the pipeline accepted in the whole run, faults included, from its acceptance to being visible.",
            "every accepted event is visible once and whole within 30 s",
        ),
    ),
    Template(
        name="first-request",
        keyword=Keyword.THEN,
        text="a new pod has its first request within <limit:reaction> of being ready, a killed pod none later than <after:reaction>",
        about="From a pod's Ready to the first request that it served, and from a pod's death to the last one sent to it.",
        example="a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s",
        mean=measured(
            Figure.FIRST_REQUEST, phase=Phase.FAULT, domains=("pod",), times={"killed none later than": "after"}
        ),
    ),
    form(
        "newest-copy",
        "the newest <copy:noun> <young:noun>",
        "How old the newest backup or snapshot is.",
        Noun(
            ("backup of the <backup:name>", "is younger than <limit:period> at every moment of the run"),
            _AGE,
            _MEASURED,
            "the newest backup of the database is younger than 70 min at every moment of the run",
        ),
        Noun(
            ("snapshot of the <backup:name>", "is younger than <limit:period>[ at every moment of the run]"),
            _AGE,
            _MEASURED,
            "the newest snapshot of the cache is younger than 24 h",
        ),
        Noun(
            ("backup", "was at most <limit:period> old and verified when each migration began"),
            _migrations,
            "The newest verified backup at the begin of every Job that migrates the database; the backups are those that have `before_migrations`.",
            "the newest backup was at most 1 h old and verified when each migration began",
        ),
    ),
)
