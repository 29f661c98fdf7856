"""`readiness doctor`: checks the prerequisites of the sandbox."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from harness.errors import ConfigurationError, UsageError
from harness.provided import SANDBOX, Finding, provided, provided_names


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(*, as_json: bool) -> int:
    """Check what the sandbox needs on this machine.

    Exits with 1 if the sandbox cannot run.
    """
    findings = list(_examined())
    lacking = [finding.part for finding in findings if finding.needed and not finding.ok]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
        return 1 if lacking else 0
    for finding in findings:
        hint = "" if finding.ok else f" · {finding.hint}"
        click.echo(f"{finding.word:8}{finding.part:14}{finding.says}{hint}")
    if lacking:
        click.echo(
            f"the sandbox cannot run, because {', '.join(lacking)} is missing; your own target can be judged with --target FILE"
        )
    return 1 if lacking else 0


def _examined() -> Iterator[Finding]:
    from harness.run.start.machine import company, waited_share  # `--help` imports this module
    from harness.targets.cluster.service_account import is_pod

    python = sys.version_info >= (3, 11)
    yield Finding(part="python", ok=python, needed=True, says=platform.python_version(), hint="use 3.11 or newer")
    for name in dict.fromkeys((SANDBOX, *provided_names())):
        try:
            yield from provided(name).findings()
        except UsageError as error:  # it is not installed, or does not fit
            yield Finding(part=name, ok=False, needed=True, says=error.what, hint=error.hint)
    if is_pod():
        yield _account()
    busy = company(waited_share())
    says = busy or f"on {os.cpu_count()} processors"
    yield Finding(part="processors", ok=not busy, needed=False, says=says, hint="close other programs before a run")
    kubectl = shutil.which("kubectl")
    yield Finding(
        part="kubectl",
        ok=kubectl is not None,
        needed=False,
        says=kubectl or "not found (used only by people)",
        hint="optional",
    )


def _account() -> Finding:
    """The ServiceAccount of this pod, by which a target without `context` is reached."""
    from harness.targets.cluster.service_account import service_account

    try:
        account = service_account()
    except ConfigurationError as error:
        return Finding(part="pod", ok=False, needed=False, says=error.what, hint=error.hint)
    return Finding(part="pod", ok=True, needed=False, says=f"{account} at {account.server}", hint="")
