"""Metrics that a flag switches on, held against a limit by readings that take their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from harness.drivers.check.flags import exposed
from tests.fake_clock import FakeClock, S

if TYPE_CHECKING:
    from harness.targets import Target

HOME = ("north", "track")
WITHIN_S = 60.0


def track(*, has: bool) -> exposed.MetricsSeen:
    """The one pod of track."""
    pod = exposed.PodMetrics(home=HOME, pod="north/track-0", lacks=[] if has else ["m"], has=["m"] if has else [])
    return exposed.MetricsSeen(pods=[pod], declared={HOME: 1})


@pytest.mark.parametrize(
    ("comes_s", "reading_s", "waited_s", "ok"),
    [
        (40.0, 0.1, 0.0, True),
        (58.0, 8.0, 0.0, None),
        (61.0, 0.1, 9.0, False),
        (63.0, 8.0, 0.0, False),
        (59.5, 0.1, 9.0, True),
        (57.0, 8.0, 0.0, None),
    ],
    ids=["in time", "slow readings", "late", "late, slow readings", "just in time", "between two readings"],
)
def test_metrics_are_in_time_or_late_only_where_a_reading_shows_it(
    monkeypatch: pytest.MonkeyPatch, comes_s: float, reading_s: float, waited_s: float, *, ok: bool | None
) -> None:
    """They come so long after the flag was on; the first reading begins once OFREP has followed, after `waited_s`."""
    clock = FakeClock.installed(monkeypatch)
    on_ns = clock.now_ns

    def read(*_: object) -> exposed.MetricsSeen:
        has = clock.now_ns >= on_ns + comes_s * S
        clock.sleep(reading_s)
        return track(has=has)

    monkeypatch.setattr(exposed, "_read", read)
    clock.sleep(waited_s)
    span = (on_ns, on_ns + round(WITHIN_S * S))
    now, took_s = exposed._awaited(cast("Target", None), ["m"], track(has=False), span)
    [one] = exposed.readings(track(has=False), now, took_s, WITHIN_S)
    assert one.ok is ok
