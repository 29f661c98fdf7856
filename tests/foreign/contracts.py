"""Ours beside schemathesis: which of the spoilt services each finds, in which time, and what each says of the healthy ones.

`FOREIGN_API=DIR` names the environment that `scripts/foreign-api` makes.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from harness.clock import Deadline, now_s
from harness.drivers.generated.findings import DrawnInputs, answered_facts
from harness.targets import load_target

HERE: Final = Path(__file__).parent / "apps"
FOREIGN: Final = "FOREIGN_API"
SHOPS: Final = ("orders", "catalogue", "calendar", "tree", "books")
SPOILS: Final = ("", "type", "missing", "status", "media", "crash")
CHECKS: Final = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundBy:
    """What a tool says of a service: whether it found a wrong answer (None: it could not decide), the time, and its words."""

    wrong: bool | None
    seconds: float
    words: str


@contextmanager
def started(shop: str, spoil: str, foreign: Path) -> Iterator[str]:
    """A service, at its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    if shop == "books":
        argv, directory = ["node", str(HERE / "express_books.mjs"), port, spoil], foreign / "express"
    else:
        argv, directory = [str(foreign / "bin" / "python"), str(HERE / "fastapi_shops.py"), port, shop, spoil], foreign
    child = subprocess.Popen(argv, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in Deadline.after(60).ticks(0.05):
            try:
                if httpx.get(f"{address}/openapi.json", trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                continue
        yield address
    finally:
        child.terminate()
        child.wait(10)


def ours(address: str, directory: Path, inputs: int = 30) -> FoundBy:
    """What the sentence on described operations finds; what is not drawn is undecided."""
    file = directory / "target.yaml"
    file.write_text(
        f"name: foreign\nenvironment: staging\nentry: {address}\ndisposable: true\napi: {{description: {address}/openapi.json}}\n",
        encoding="utf-8",
    )
    target = load_target(file)
    assert target.api is not None
    began = now_s()
    facts = answered_facts(DrawnInputs(target=target, api=target.api, count=inputs, seed=1), core=False)
    bad = [one for one in facts if one.ok is False] or [one for one in facts if one.ok is None]
    wrong = None if bad and bad[0].ok is None else bool(bad)
    words = f"{bad[0].subject}: {bad[0].observed}" if bad else ""
    return FoundBy(wrong=wrong, seconds=now_s() - began, words=words)


def schemathesis(address: str, foreign: Path, inputs: int = 30) -> FoundBy:
    """What schemathesis finds with positive inputs and chains, in a child."""
    argv = [
        str(foreign / "bin" / "schemathesis"), "run", f"{address}/openapi.json", "--mode", "positive", "--seed", "1",
        "--phases", "examples,fuzzing,stateful", "--max-examples", str(inputs), "--checks", CHECKS, "--no-color",
    ]  # fmt: skip
    began = now_s()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, cwd=foreign)
    words = next((line.strip() for line in done.stdout.splitlines() if line.strip().startswith("- ")), "")
    wrong = {0: False, 1: True}.get(done.returncode)
    return FoundBy(wrong=wrong, seconds=now_s() - began, words=words or done.stdout[-300:].strip())


def main() -> None:
    """Print the table."""
    foreign = Path(os.environ[FOREIGN])
    with tempfile.TemporaryDirectory() as directory:
        os.environ["READINESS_STATE"] = directory
        for shop in SHOPS:
            for spoil in SPOILS:
                with started(shop, spoil, foreign) as address:
                    one, other = ours(address, Path(directory)), schemathesis(address, foreign)
                by = (
                    f"ours {one.wrong!s:5} {one.seconds:5.1f} s | schemathesis {other.wrong!s:5} {other.seconds:5.1f} s"
                )
                sys.stdout.write(f"{shop:10} {spoil or 'healthy':8} {by} | {one.words[:90]} | {other.words[:60]}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
