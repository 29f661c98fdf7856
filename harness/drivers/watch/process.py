"""Starts, controls and stops the watching process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness import clock
from harness.drivers.watch.settings import FILE, Rates, WatchSettings
from harness.errors import DriverError
from harness.files import last_lines
from harness.stops import stops_held

_START_S: Final = 20.0
_STOP_S: Final = 10.0


class Watch:
    """The watching process of one run.

    The process ends with the thread that starts it, so start it from a thread that lives as long as the run.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._folder = settings.run_directory / "watch"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; 0 before the start."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process, and wait until it watches.

        Raises:
            DriverError: the process ended, or did not watch within 20 s; the text has its last output.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / FILE
        with stops_held():  # pydantic turns a KeyboardInterrupt in here into an error of its own
            text = self._settings.model_dump_json(indent=2)
        file.write_text(f"{text}\n", encoding="utf-8")
        try:
            with stops_held(), self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "harness.drivers.watch", str(file)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # it computes nothing, so numpy needs no threads
                    start_new_session=True,  # the parent forwards a Ctrl-C of the terminal
                )
            watching = self._said_watching(self._process)
        except KeyboardInterrupt:
            self.stop()
            raise
        if not watching:
            self.stop()
            raise DriverError(f"the watch did not start: {self._last_words() or 'no output'}", where=str(self._log))

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def health_window(self, *, is_open: bool) -> None:
        """Set the rate of health probes for the time inside or outside a fault-free window."""
        self._tell(f"window {'open' if is_open else 'closed'}")

    def fault_window(self, *, is_open: bool) -> None:
        """Set the rate of reads at entry and regions for the time with or without a fault."""
        self._tell(f"fault {'in' if is_open else 'out'}")

    def _tell(self, command: str) -> None:
        if self._process and self._process.stdin and self.alive():
            try:
                self._process.stdin.write(f"{command}\n".encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                return  # it has just ended; `alive` shows that, and so does its file without an end record

    def stop(self, *, at_once: bool = False) -> bool:
        """Stop the process, and kill it 10 s after its time; returns whether it closed its files.

        The process follows open events for `follow_s` of its settings, unless `at_once` is set or Ctrl-C is pressed. A
        second call does nothing.
        """
        process, self._process = self._process, None
        if process is None:
            return False
        with process:  # closes both pipes and reaps
            if process.poll() is None:
                process.send_signal(signal.SIGINT if at_once else signal.SIGTERM)
            try:
                _end(process, _STOP_S if at_once else _STOP_S + self._settings.follow_s)
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                _end(process, _STOP_S)
                raise
        return process.returncode == 0

    def _said_watching(self, process: subprocess.Popen[bytes]) -> bool:
        if process.stdout is None:
            return False
        deadline = clock.Deadline.after(_START_S)
        readable, _, _ = select.select([process.stdout], [], [], deadline.left_s)
        return bool(readable) and process.stdout.readline() == b"watching\n"

    @property
    def _log(self) -> Path:
        return self._folder / "watch.log"

    def _last_words(self) -> str:
        return last_lines(self._log.read_text(encoding="utf-8", errors="replace"), 5)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(at_once=kind is not None)


def _end(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait for a process that was asked to end, and kill it after that time."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def watch_settings(
    target_file: Path,
    run_directory: Path,
    *,
    clients: tuple[int, ...],
    rates: Rates | None = None,
    limits_s: tuple[float, ...] = (),
) -> WatchSettings:
    """The settings of a watch that belongs to this process."""
    return WatchSettings(
        target=target_file.absolute(),
        run_directory=run_directory.absolute(),
        parent=os.getpid(),
        clients=clients,
        rates=rates or Rates(),
        limits_s=limits_s,
    )
