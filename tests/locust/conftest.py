"""gevent's clock, which stands still while its loop does not run."""

from __future__ import annotations

import gevent
import pytest


@pytest.fixture(autouse=True)
def _gevent_knows_the_time() -> None:
    """Else a time-out counts from when gevent last looked, which may have been minutes of other tests ago."""
    gevent.get_hub().loop.update_now()
