"""The volumes of claims: a directory each, which is removed when its claim is gone."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.view import CLAIM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness_sandbox.cluster.store import WatchEvent


def removing(claims: Path) -> Callable[[WatchEvent], None]:
    """What removes the directory of a claim below `claims` once the store has lost it; a new claim of its name begins empty at once."""

    def hear(event: WatchEvent) -> None:
        if event.type != "DELETED" or event.kind is not CLAIM:
            return
        meta = event.object["metadata"]
        gone = claims / meta["namespace"] / f".{meta['uid']}"
        with suppress(FileNotFoundError):  # no pod has used it
            (claims / meta["namespace"] / meta["name"]).rename(gone)
            threading.Thread(target=shutil.rmtree, args=(gone,), kwargs={"ignore_errors": True}, daemon=True).start()

    return hear
