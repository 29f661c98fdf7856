"""Names of a target file: those of the project's files, and what needs consent without being one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.run.plan.names import check_names
from harness.run.project import find_project
from harness.targets import load_target


def allowing(directory: Path, experiment: str) -> Path:
    """A target file whose allow-list names it."""
    file = directory / "target.yaml"
    file.write_text(
        f"name: t\nenvironment: staging\nentry: http://127.0.0.1:1\nmay_break: [{{experiment: {experiment}}}]\n"
    )
    return file


def test_what_needs_consent_and_is_no_file_may_be_allowed(tmp_path: Path) -> None:
    """Load on services, and a migration; a misspelt one is refused."""
    for name in ("autoscaling", "migration"):
        check_names(load_target(allowing(tmp_path, name)), find_project(tmp_path))
    with pytest.raises(ConfigurationError, match="there is no experiment `migrations`"):
        check_names(load_target(allowing(tmp_path, "migrations")), find_project(tmp_path))
