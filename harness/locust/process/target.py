"""Finds the host of a locustfile that is run by hand."""

from __future__ import annotations

import os
from pathlib import Path

from harness.targets import load_target
from harness.targets.child import TARGET_VARIABLE


def target_entry() -> str | None:
    """The entry of the target file that `READINESS_TARGET` names.

    None without `READINESS_TARGET`; then `-H` is required.

    Raises:
        ConfigurationError: the target file is invalid.
    """
    file = os.environ.get(TARGET_VARIABLE)
    return load_target(Path(file)).entry if file else None
