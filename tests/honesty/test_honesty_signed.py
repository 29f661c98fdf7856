"""No byte of a signed run can be changed without `readiness verify` seeing it; `benchmarks/changed_bytes.py` changes 10 000."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evidence import RunDirectory
from tests.builders.signed_runs import good_run, key_pair, recorded, signed
from tests.honesty.changed_bytes import changes, is_accepted, made, signed_files


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A recorded run."""
    return recorded(tmp_path_factory.mktemp("runs"), good_run())


def test_each_change_of_one_byte_is_seen(run: RunDirectory, tmp_path: Path) -> None:
    """Several changes in each file, and before and after them the run is verified."""
    private, public = key_pair(tmp_path)
    envelope = signed(run, private)
    files = signed_files(run, envelope)
    assert is_accepted(envelope, public, run)
    assert _accepted(files, 4 * len(files), envelope, public, run) == []
    assert is_accepted(envelope, public, run)


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_each_change_of_the_signed_verdict_is_seen(run: RunDirectory, tmp_path: Path, kind: str) -> None:
    """By its own bytes, without the run."""
    private, public = key_pair(tmp_path, kind)
    envelope = signed(run, private)
    assert _accepted([envelope], 100, envelope, public, None) == []


def test_each_bit_of_the_end_is_covered(run: RunDirectory, tmp_path: Path) -> None:
    """Base64 has bits that are not decoded, and JSON has white space."""
    private, public = key_pair(tmp_path)
    envelope = signed(run, private)
    body = envelope.read_bytes()
    for at in range(len(body) - 20, len(body)):
        for bit in range(8):
            envelope.write_bytes(body[:at] + bytes([body[at] ^ (1 << bit)]) + body[at + 1 :])
            assert not is_accepted(envelope, public, None), (at, bit)


def _accepted(files: list[Path], count: int, envelope: Path, public: Path, run: RunDirectory | None) -> list[object]:
    """The changes after which a signed verdict is verified all the same."""
    found: list[object] = []
    for change in changes(files, count, seed=7):
        with made(change):
            found += [change] if is_accepted(envelope, public, run) else []
    return found
