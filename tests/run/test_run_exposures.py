"""Data that a platform exposes: read at the beginning of an act, during it and at its end."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from harness.model import Demand, DemandKind
from harness.run.acts import exposures
from harness.run.acts.exposures import ExposureDriver, Told
from tests.builders.conducting import stage
from tests.builders.plans import act, plan
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.run.acts.context import Context
    from harness.run.acts.exposures import Beside


def test_what_is_opened_for_all_readings_is_closed_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to pods would else stay open until the run has ended."""
    noted: list[str] = []

    def begin(_context: Context, _beside: Beside, stack: ExitStack) -> Callable[[], None]:
        stack.callback(noted.append, "closed")
        return lambda: noted.append("read")

    monkeypatch.setattr(exposures, "TOLD", {"books": Told(needs=(), begin=begin, kind="books.read", every_s=3600.0)})
    asked = Demand(kind=DemandKind.EXPOSE, name="books", params={"traffic": "everyday"})
    made = stage(FakeClock.installed(monkeypatch), plan(demands=[asked]))
    beside = act("books", "expose", demand=asked.key, beside="everyday/fault-free")

    with ExposureDriver().beside(beside, made.context):
        noted.append("act")

    assert noted == ["read", "act", "read", "closed"]
