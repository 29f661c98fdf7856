"""What tests of watchers read, and a watcher that is run in the process of its test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.drivers.watch import Pace, Rates, Watcher, Watching, WatchSettings
from harness.drivers.watch.recorder import recording
from harness.drivers.watch.schedule import keep
from harness.targets import Target


def lines(run: Path, source: str) -> list[dict[str, Any]]:
    """A history, the fields of each line beside its kind and subject; empty where there is none yet."""
    file = run / "history" / f"{source}.ndjson"
    told = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [{**line, **line.get("fields", {})} for line in told]


async def watched(
    target: Target,
    run: Path,
    watcher: Watcher,
    act: Callable[[Callable[[Pace], None]], None],
    rates: Rates,
) -> None:
    """Watch until an act, which runs in a thread and is given how the pace is told, has ended."""
    settings = WatchSettings(target=target.file, run_directory=run, parent=0, clients=(1,), rates=rates)
    with recording(run) as recorder:
        here, loop = Watching(target, settings, recorder), asyncio.get_running_loop()
        watcher.begin(here)

        def tell(pace: Pace) -> None:
            loop.call_soon_threadsafe(watcher.pace, pace)

        probing, flushing = asyncio.create_task(keep(here.schedules)), asyncio.create_task(recorder.keep_flushing())
        try:
            await asyncio.to_thread(act, tell)
        finally:
            probing.cancel()
            flushing.cancel()
            await asyncio.gather(probing, flushing, return_exceptions=True)
            for schedule in here.schedules:
                await schedule.finish(6.0)
            await here.close()
