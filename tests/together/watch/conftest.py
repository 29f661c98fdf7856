"""The small platform of tests/drivers/watch, for watchers that ask a cluster."""

from __future__ import annotations

from tests.drivers.watch.conftest import service, target_file  # noqa: F401 - pytest's
