"""What becomes of writes, events and requests, one by one."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import (
    delivered,
    first_request,
    no_lost_write,
    of_every_write,
    visible_events,
)
from harness.steps.template import Template

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
    Template(
        name="every-write",
        keyword=Keyword.THEN,
        text="every acknowledged write is <kept>",
        about=(
            "There once: no acknowledged write of the ledger is there twice, and what journeys wrote is there and was counted once. Read back: every "
            "acknowledged write of the ledger is in the last read through each region, as it was written."
        ),
        example="every acknowledged write is there once",
        mean=of_every_write,
    ),
    Template(
        name="first-request",
        keyword=Keyword.THEN,
        text="a new pod has its first request within <limit:reaction> of being ready, a killed pod none later than <after:reaction>",
        about="From a pod's Ready to the first request that it served, and from a pod's death to the last one sent to it.",
        example="a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s",
        mean=first_request,
    ),
    Template(
        name="visible-events",
        keyword=Keyword.THEN,
        text="every accepted event is visible once and whole within <limit:reaction>",
        about="Every event that the pipeline accepted in the whole run, faults included, from its acceptance to being visible.",
        example="every accepted event is visible once and whole within 30 s",
        mean=visible_events,
    ),
    Template(
        name="delivered-events",
        keyword=Keyword.THEN,
        text="the share of accepted events delivered whole within <within:reaction> is at least <limit:ratio>[ in the steady state]",
        about="Events accepted in the fault-free windows that are visible in time, once and with their value, over all that were accepted there.",
        example="the share of accepted events delivered whole within 30 s is at least 99.5 % in the steady state",
        mean=delivered,
    ),
)
