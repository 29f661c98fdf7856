"""What `doctor` says is found by running it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import doctor, readiness


def test_a_program_that_does_not_run_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PostgreSQL that is there but ends with an error is named, with what it said, and there is no sandbox."""
    broken = tmp_path / "postgres"
    broken.write_text("#!/bin/sh\necho 'GLIBC_2.38 not found' >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(tmp_path))

    done = CliRunner().invoke(readiness, ["doctor", "--json"], standalone_mode=False)

    postgres = next(finding for finding in json.loads(done.output) if finding["part"] == "postgres")
    assert (postgres["ok"], postgres["says"], done.return_value) == (False, "GLIBC_2.38 not found", 1)
    shown = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).output
    assert "\nmissing postgres      GLIBC_2.38 not found" in shown


def test_this_machine_has_a_sandbox() -> None:
    """The tests run where the extra `sandbox` is installed."""
    assert CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).return_value == 0


@pytest.mark.parametrize(("share", "ok"), [(0.9, False), (0.1, True), (None, True)])
def test_a_busy_machine_is_told_and_forbids_nothing(
    monkeypatch: pytest.MonkeyPatch, share: float | None, ok: object
) -> None:
    """There is a sandbox on it, which may fail."""
    monkeypatch.setattr(doctor, "waited_share", lambda: share)
    done = CliRunner().invoke(readiness, ["doctor", "--json"], standalone_mode=False)
    shown = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).output
    assert ("\nok      processors    " if ok else "\nwarning processors    ") in shown
    assert "missing" not in shown
    room = next(finding for finding in json.loads(done.output) if finding["part"] == "processors")
    assert (room["ok"], room["needed"], done.return_value) == (ok, False, 0)
