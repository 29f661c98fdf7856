"""The Helm chart, rendered by the real `helm`; where there is none, tests are skipped by name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

CHART: Final = Path(__file__).parents[2] / "charts" / "readiness"
HELM: Final = shutil.which("helm", path=f"{os.environ.get('PATH', os.defpath)}:{sysconfig.get_path('scripts')}")
needs_helm = pytest.mark.skipif(
    HELM is None, reason="helm is not installed: there is a package for Linux on x86-64 only"
)


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run helm without settings of its user."""
    return subprocess.run([str(HELM), *words], capture_output=True, text=True, timeout=120, check=False)


def rendered(roles: Path, *options: str, release: str = "nightly", namespace: str = "jobs") -> list[dict[str, Any]]:
    """The objects that the chart makes of these options."""
    given = ["--kube-version", "1.33.0", "--namespace", namespace, "--set-file", f"rbac.roles={roles}"]
    done = helm("template", release, str(CHART), *given, *options)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]
