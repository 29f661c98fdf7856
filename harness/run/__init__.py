"""Conducts a run: plan, lock, conduct, seal, decide. The only room that knows the order of things."""

from __future__ import annotations

from harness.run.deciding import Decided, decide, same_verdict, write_verdict
from harness.run.exits import Exit, exit_of
from harness.run.live import run_live
from harness.run.planning import Compiled, Library, make_plan
from harness.run.settings import Settings
from harness.run.table import show_plan

__all__ = [
    "Compiled",
    "Decided",
    "Exit",
    "Library",
    "Settings",
    "decide",
    "exit_of",
    "make_plan",
    "run_live",
    "same_verdict",
    "show_plan",
    "write_verdict",
]
