"""`python benchmarks/foreign_services.py [NAME …]`: the first verdict on twenty small services that have never seen the harness.

Each service of `tests/foreign` is started; `readiness init` tries it, and `readiness run` judges it with the command that `init` names.
The table says what `init` said, the first verdict, whether it is right, and the seconds of both. FastAPI and Express are installed into a
temporary directory. About 35 minutes, on a machine with nothing else to do; exit code 1 if fewer than nine of ten are right.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness import clock  # noqa: E402 - of this checkout
from tests.foreign.services import SERVICES, TOKEN, ForeignService, arguments_of, programs, started  # noqa: E402

_LONGEST_S: Final = 400
_LEAST: Final = 0.9
_REFUSED: Final = 4


@dataclass(frozen=True, kw_only=True)
class FirstVerdict:
    """What became of one service.

    Attributes:
        said: what `init` said about the service.
        verdict: decision and failed requirements, or the error.
        right: whether both are as they should be.
        why: what is not; empty if it is right.
        init_s: seconds of `init`.
        run_s: seconds of `run`.
    """

    said: str
    verdict: str
    why: str
    init_s: float
    run_s: float

    @property
    def right(self) -> bool:
        """Whether the verdict is about the service."""
        return not self.why


def main(names: list[str]) -> int:
    """Print the table; the exit code."""
    chosen = {name: SERVICES[name] for name in names or SERVICES}
    right = 0
    print(
        "| service | what is special | `init` said | first verdict | right | init, run |\n|---|---|---|---|---|--:|",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="foreign-") as temporary:
        bed = _bed(Path(temporary), chosen.values())
        for name, service in chosen.items():
            found = _judged(Path(temporary), name, service, bed)
            right += found.right
            cells = (name, service.about, found.said, found.verdict, "yes" if found.right else f"NO: {found.why}")
            print(f"| {' | '.join(cells)} | {found.init_s:.1f} s, {found.run_s:.0f} s |", flush=True)
    print(f"\n{right} of {len(chosen)} first verdicts are right")
    return 0 if right >= _LEAST * len(chosen) else 1


def _bed(directory: Path, services: Any) -> dict[str, str]:
    """The programs that start the services, with what these need."""
    found = programs()
    packages = sorted({one for service in services for one in service.packages})
    modules = sorted({one for service in services for one in service.modules})
    if packages:
        venv.create(directory / "venv", with_pip=True)
        found["fastapi"] = str(directory / "venv" / "bin" / "python")
        subprocess.run([found["fastapi"], "-m", "pip", "install", "--quiet", *packages, "uvicorn"], check=True)
    if modules:
        subprocess.run(["npm", "install", "--silent", "--prefix", str(directory), *modules], check=True)
    return found


def _judged(directory: Path, name: str, service: ForeignService, bed: dict[str, str]) -> FirstVerdict:
    own = {**bed, "python": bed.get("fastapi", bed["python"]) if service.packages else bed["python"]}
    environment = {**os.environ, **TOKEN, "PYTHONPATH": str(ROOT), "READINESS_STATE": str(directory / "state")}
    modules = {"NODE_PATH": str(directory / "node_modules")}
    files = directory / f"files-{name}"
    files.mkdir()
    with started(service, files, own, modules) as words:
        begun = clock.now_s()
        init = _typed(["init", name, *arguments_of(service, words)], directory, environment)
        init_s = clock.now_s() - begun
        said = "; ".join(_findings(init.stdout)) or "nothing"
        if init.returncode:
            return FirstVerdict(said=said, verdict="", why=f"init: {init.stderr.strip()}", init_s=init_s, run_s=0)
        lacking = next((piece for piece in service.says if piece not in init.stdout), "")
        command = _command(init.stdout)
        begun, why = clock.now_s(), f"init does not say {lacking!r}" if lacking else ""
        if service.release:
            refused = _typed(["run", "--release", service.release], directory / name, environment)
            told = re.search(r"readiness (run .*?)(?:; or|$)", refused.stdout + refused.stderr, re.MULTILINE)
            if refused.returncode != _REFUSED or told is None:
                why = f"the release {service.release} was not refused: {refused.returncode} {refused.stdout.strip()[-300:]}"
            else:
                command = shlex.split(told[1])
        ran = _typed(command, directory / name, environment)
        run_s = clock.now_s() - begun
    verdict, wrong = _verdict(directory / name, service, ran)
    return FirstVerdict(said=said, verdict=verdict, why=why or wrong, init_s=init_s, run_s=run_s)


def _typed(words: list[str], directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *words]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
    )


def _findings(text: str) -> list[str]:
    """The lines that `init` says about the service."""
    lines = text.partition("next:")[0].splitlines()
    return [line for line in lines if not re.match(r"wrote |kept ", line) and " listens at " not in line]


def _command(text: str) -> list[str]:
    """The words of the command for a run that `init` names."""
    line = next(line for line in text.splitlines() if line.startswith("  readiness run"))
    return shlex.split(line, comments=True)[1:]


def _verdict(project: Path, service: ForeignService, ran: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """The decision with the failed requirements, and what is wrong with it."""
    file = project / "reports" / "runs" / "latest" / "verdict.json"
    if not file.is_file():
        return f"exit code {ran.returncode}", ran.stderr.strip()[-300:].replace("\n", " ")
    found = json.loads(file.read_bytes())
    rows = {row["id"]: row for row in found["requirements"]}
    failed = sorted(name.rpartition("-")[2] for name, row in rows.items() if row["verdict"] == "FAIL")
    verdict = f"{found['decision']}{' (' + ', '.join(failed) + ')' if failed else ''}"
    if found["decision"] == service.decision and set(service.fails) <= set(failed):
        return verdict, ""
    others = [f"{name} {row['verdict']}: {row['reason']}" for name, row in rows.items() if row["verdict"] != "PASS"]
    return verdict, f"expected {service.decision} ({', '.join(service.fails)}); {'; '.join(others)[:600]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
