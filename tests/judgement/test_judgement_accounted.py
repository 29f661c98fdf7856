"""Writes and sign-ins of journeys are held against the requests that they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.receipts.records.accounted import unaccounted
from harness.model import JOURNEY_REPEATS, JOURNEY_WRITES, Evidence
from harness.units import NS_PER_S
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence

SECOND_S: Final = 420
"""The second traffic's first window begins then; it warms up for twenty seconds before."""


def two_traffics() -> Evidence:
    """The fault-free window of everyday; and another traffic, of which journeys wrote while it warmed up."""
    run = core_evidence()
    first, second = run.windows["everyday/fault-free"], run.windows["everyday/after-faults"]
    writes = run.tables[JOURNEY_WRITES.name]
    made_s = writes.ints["made_ns"] / NS_PER_S
    own = writes.where((made_s < first.end_ns / NS_PER_S) | (made_s >= SECOND_S - 20))
    windows = {first.name: first, "second/fault-free": replace(second, name="second/fault-free", traffic="second")}
    return replace(run, windows=windows, recorded={**run.recorded, JOURNEY_WRITES.name: own})


def test_what_is_written_while_a_second_traffic_warms_up_is_no_stray() -> None:
    """Its requests are in no window."""
    assert unaccounted(core_plan(), two_traffics()) == {}


def test_a_write_that_no_request_was_is_told() -> None:
    """One of a window whose moment is another than that of every request."""
    run = two_traffics()
    writes = run.tables[JOURNEY_WRITES.name]
    made_ns = np.where(np.arange(len(writes)) == 100, writes.ints["made_ns"] + 1, writes.ints["made_ns"])
    moved = replace(writes, ints={**writes.ints, "made_ns": made_ns})
    (why,) = unaccounted(core_plan(), replace(run, recorded={**run.recorded, JOURNEY_WRITES.name: moved})).values()
    assert why.startswith("1 of ")
    assert "belong to no recorded request; 1 of " in why


def test_a_repetition_of_no_write_is_told() -> None:
    """The first request of one of twenty repetitions is not on record."""
    run = core_evidence()
    repeats = run.tables[JOURNEY_REPEATS.name]
    first_ns = np.where(np.arange(len(repeats)) == 0, repeats.ints["first_ns"] + 1, repeats.ints["first_ns"])
    moved = replace(repeats, ints={**repeats.ints, "first_ns": first_ns})
    (why,) = unaccounted(core_plan(), replace(run, recorded={**run.recorded, JOURNEY_REPEATS.name: moved})).values()
    assert why == "1 of 20 repeated writes belong to none of the writes of tracks"
