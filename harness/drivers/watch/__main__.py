"""The watching process `python -m harness.drivers.watch SETTINGS.json`, started by `Watch`.

It reads commands from standard input (`window open`, `window closed`, `fault in`, `fault out`), and prints `watching`
when every watcher probes. On SIGTERM, SIGINT or the end of its input it closes its files and ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Final

from harness import clock
from harness.drivers.watch.recorder import WatchRecorder, recording
from harness.drivers.watch.settings import WatchSettings
from harness.drivers.watch.watchers import Watchers
from harness.errors import HarnessError
from harness.priority import go_first
from harness.targets import load_target

_PR_SET_PDEATHSIG: Final = 1
_FREEZE_EACH_S: Final = 5.0


def main() -> int:
    """Watch until asked to stop; the exit code is 0 if all files were closed."""
    settings = WatchSettings.model_validate_json(Path(sys.argv[1]).read_bytes())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != settings.parent:  # the parent died before prctl took effect
        return 1
    go_first()
    try:
        with recording(settings.run_directory) as recorder:
            asyncio.run(_watch(settings, recorder))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


async def _watch(settings: WatchSettings, recorder: WatchRecorder) -> None:
    stop, given_up = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, _give_up, given_up, stop)
    watchers = Watchers(
        load_target(settings.target), settings, recorder
    )  # opens files, which a stop must find a way to close
    commands = await _standard_input(loop)
    await watchers.warm_up()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in (*watchers.jobs(), recorder.keep_flushing(), _freeze())]
        tasks.append(group.create_task(_obey(commands, watchers, stop)))
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        await stop.wait()
        for task in tasks:
            task.cancel()
    await watchers.finish(at_once=given_up.is_set())


def _give_up(given_up: asyncio.Event, stop: asyncio.Event) -> None:
    given_up.set()
    stop.set()


async def _freeze() -> None:
    """Take what has come to stay out of the garbage collector's sight: no collection needs to walk it while probes are due."""
    while True:
        gc.collect(1)
        gc.freeze()
        await clock.asleep(_FREEZE_EACH_S)


async def _standard_input(loop: asyncio.AbstractEventLoop) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _obey(commands: asyncio.StreamReader, watchers: Watchers, stop: asyncio.Event) -> None:
    """Execute the parent's commands; end of input stops the watch."""
    while line := await commands.readline():
        word, _, value = line.decode().partition(" ")
        if word == "window":
            watchers.set_window(is_open=value.strip() == "open")
        elif word == "fault":
            watchers.set_fault(is_in=value.strip() == "in")
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
