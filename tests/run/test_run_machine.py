"""Whether the machine has room for harness and target."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evidence import RunDirectory, read_history
from harness.model.observations import MachineSeen, every
from harness.run.start.machine import MachineLog, Readings, company, is_beside, readings, shares, waited_share
from harness.targets import Target
from tests.fake_clock import FakeClock, S

PSI = """some avg10=43.81 avg60=57.25 avg300=73.42 total=12686325991
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""


@pytest.mark.parametrize(
    ("text", "share"), [(PSI, 0.4381), ("full avg10=9.00 avg60=9.00\n", None), ("", None), (None, None)]
)
def test_the_kernel_says_how_much_was_waited(tmp_path: Path, text: str | None, share: float | None) -> None:
    """Something waited for a processor in 43.81 % of the last 10 s; where the line or the file is not there, nobody knows."""
    file = tmp_path / "cpu"
    if text is not None:
        file.write_text(text)
    assert waited_share(file) == pytest.approx(share)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, ""),
        (0.25, ""),
        (0.4381, "this machine is busy: programs waited for a processor in 44 % of the last 10 s"),
    ],
)
def test_company_is_told_of(share: float | None, words: str) -> None:
    """From more than a quarter on."""
    assert company(share) == words


def test_what_the_kernel_counts_is_read_and_told_as_shares(tmp_path: Path) -> None:
    """Half a second of one waited; of 100 ticks 4 were stolen. A kernel that does not count says nothing."""
    pressure, stat = tmp_path / "cpu", tmp_path / "stat"
    pressure.write_text("some avg10=1.00 avg60=0.00 avg300=0.00 total=1000000\n")
    stat.write_text("cpu  100 0 50 800 0 0 10 40 0 0\ncpu0 1 2 3\n")
    before = readings(pressure, stat)
    assert before == Readings(waited_us=1_000_000, ticks=1000, stolen=40)
    (tmp_path / "io").write_text("some avg10=1.00 total=9\nfull avg10=1.00 total=100000\n")
    (tmp_path / "memory").write_text("some avg10=1.00 total=9\nfull avg10=1.00 total=200000\n")
    before = readings(pressure, stat)
    (tmp_path / "io").write_text("some avg10=1.00 total=9\nfull avg10=1.00 total=400000\n")
    pressure.write_text("some avg10=1.00 avg60=0.00 avg300=0.00 total=1500000\n")
    stat.write_text("cpu  150 0 50 846 0 0 10 44 0 0\n")
    assert shares(before, readings(pressure, stat), 1_000_000_000) == pytest.approx(
        {"waited": 0.5, "stolen": 0.04, "stalled": 0.3}
    )
    nothing = readings(tmp_path / "none" / "cpu", tmp_path / "none")
    assert shares(nothing, nothing, 1_000_000_000) == {"waited": None, "stolen": None, "stalled": None}


def test_how_long_the_machine_has_slept_is_recorded_wherever_the_target_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the run begins and when it ends; of a target elsewhere no CPU figures are."""
    fake = FakeClock.installed(monkeypatch)
    directory = RunDirectory.create(tmp_path, "r1")
    with MachineLog(Target(name="shop", environment="staging", entry="https://shop.example.test"), directory):
        fake.suspend(40)
    records, missing = read_history(directory.path / "history" / "machine.ndjson")
    seen = list(every(MachineSeen, records))
    assert (missing, seen[-1].asleep_ns, seen[-1].waited) == ([], 40 * S, None)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("entry", "beside"),
    [
        ("http://127.95.0.1:80", True),
        ("https://localhost", True),
        ("http://[::1]:1", True),
        ("https://shop.example.test", False),
    ],
)
def test_a_target_beside_us_has_a_loopback_address(entry: str, beside: bool) -> None:  # noqa: FBT001 - a value of the table
    """Any other may have a machine of its own."""
    assert is_beside(entry) is beside
