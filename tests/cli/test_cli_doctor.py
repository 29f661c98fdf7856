"""What `doctor` says of the machine, and of targets that are not there."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from harness.cli import readiness


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No distribution provides a target."""
    monkeypatch.setattr("harness.provided.entry_points", lambda **_: ())


@pytest.mark.parametrize(("share", "ok"), [(0.9, False), (0.1, True), (None, True)])
def test_a_busy_machine_is_told_and_forbids_nothing(
    monkeypatch: pytest.MonkeyPatch, share: float | None, ok: object
) -> None:
    """A sandbox on it may fail."""
    monkeypatch.setattr("harness.run.start.machine.waited_share", lambda: share)
    done = CliRunner().invoke(readiness, ["doctor", "--json"], standalone_mode=False)
    shown = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).output
    assert ("\nok      processors    " if ok else "\nwarning processors    ") in shown
    room = next(finding for finding in json.loads(done.output) if finding["part"] == "processors")
    assert (room["ok"], room["needed"]) == (ok, False)


def test_a_sandbox_that_is_not_installed_is_missing_with_the_command_that_brings_it() -> None:
    """Exit code 1: there is no sandbox, and a target of one's own is judged as before."""
    done = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False)
    assert done.return_value == 1
    assert (
        "\nmissing sandbox       the target `sandbox` is not installed · pip install 'readiness-harness[sandbox]=="
        in done.output
    )
    assert (
        "the sandbox cannot run, because sandbox is missing; your own target can be judged with --target FILE"
        in done.output
    )
