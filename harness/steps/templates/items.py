"""What becomes of writes, events and requests, one by one."""

from __future__ import annotations

from typing import Final

from harness.model import Figure, Phase
from harness.steps.meaning import Keyword
from harness.steps.objectives import measured, no_lost_write
from harness.steps.template import Noun, Template, form

ITEMS: Final = (
    Template(
        name="no-lost-write",
        keyword=Keyword.THEN,
        text="no acknowledged write[ older than <age:period>] is lost[ in any <experiments>]",
        about=(
            "Every write that was acknowledged is there afterwards, in the database and in every region that can be asked: in each experiment that is "
            "named, or that the scenario ran."
        ),
        example="no acknowledged write older than 1 h is lost in any disaster experiment",
        mean=no_lost_write,
    ),
    form(
        "every-item",
        "every <item:noun> is <kept:noun>",
        "What becomes of each write that was acknowledged, and of each event that was accepted, in the whole run, faults included.",
        Noun(
            ("acknowledged write", "there once"),
            measured(Figure.COPIES, phase=Phase.RUN),
            "No acknowledged write of the ledger is there twice, and what journeys wrote is there and was counted once.",
            "every acknowledged write is there once",
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
)
