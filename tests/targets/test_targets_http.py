"""The TLS context of a target: it is made once, and anew when a file of it was written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness.targets import load_target
from harness.targets.http import tls_context

_TARGET = "name: a\nenvironment: staging\nentry: https://127.86.9.5\ntls: {ca_file: ca.pem}\n"


def test_certificates_are_read_once_until_they_are_written_anew(tmp_path: Path) -> None:
    """A renewed certificate counts for the next client; reading those of a system takes 20 ms each time."""
    (tmp_path / "target.yaml").write_text(_TARGET)
    words = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1 -keyout key.pem -out ca.pem"
    subprocess.run(words.split(), check=True, capture_output=True, cwd=tmp_path)
    target = load_target(tmp_path / "target.yaml")

    first = tls_context(target)
    assert tls_context(load_target(tmp_path / "target.yaml")) is first

    os.utime(tmp_path / "ca.pem", ns=(1, 1))
    assert tls_context(target) is not first
