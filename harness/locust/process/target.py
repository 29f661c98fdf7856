"""Where a locustfile finds its host when it is run by hand."""

from __future__ import annotations

import os
from pathlib import Path

from harness.targets import load_target
from harness.targets.child import TARGET_VARIABLE


def target_entry() -> str | None:
    """The entry of the target file that `READINESS_TARGET` names.

    None when it names none, then `-H` must be given.

    Raises:
        ConfigurationError: the file is wrong.
    """
    file = os.environ.get(TARGET_VARIABLE)
    return load_target(Path(file)).entry if file else None
