"""A clock for tests of a run that ask nobody for the time."""

from __future__ import annotations

import pytest

from tests.fake_clock import FakeClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock that moves only when somebody sleeps."""
    return FakeClock.installed(monkeypatch)
