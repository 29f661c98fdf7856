"""Reads the journal of `chaos run`: the exit code is also 0 in five cases in which nothing was tested."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """The contents of a journal.

    Attributes:
        status: `completed`, `failed`, `interrupted` or `aborted`; `none` without a journal.
        deviated: whether the steady state was lost after the method, according to Chaos Toolkit.
        steady_before: whether the steady state was `met`, `not met` or `not asked` before the method.
        steady_after: whether the steady state was `met`, `not met` or `not asked` after the method.
        unmet: name of the probe of the steady state that failed after the method; empty if none failed or none was run.
        failed: names of failed activities of the method and the rollbacks.
        why: error of the journal, or reason why the method did not run; empty if there is none.
    """

    status: str = "none"
    deviated: str = ""
    steady_before: str = "not asked"
    steady_after: str = "not asked"
    unmet: str = ""
    failed: tuple[str, ...] = ()
    why: str = ""

    @property
    def words(self) -> dict[str, str]:
        """The journal as it is written into the history."""
        return {
            "status": self.status,
            "deviated": self.deviated,
            "steady_before": self.steady_before,
            "steady_after": self.steady_after,
            "unmet": self.unmet,
            "failed": ", ".join(self.failed),
        }


def read_journal(path: Path) -> Journal:
    """Read a journal; `why` of the result tells whether the file is missing, truncated or invalid. Raises no errors."""
    try:
        journal = json.loads(path.read_bytes())
    except OSError:
        return Journal(why="the journal is missing")
    except (ValueError, RecursionError):
        return Journal(why="the journal is truncated or not JSON")
    if not isinstance(journal, dict) or "status" not in journal:
        # a run that was interrupted by an exit has no status, and neither has any other JSON
        return Journal(why="the journal has no status")
    states = _mapping(journal.get("steady_states"))
    before, after = _steady(states.get("before")), _steady(states.get("after"))
    failed = tuple(_failed(journal.get("run"), journal.get("rollbacks")))
    why = ""
    if before == "not met":
        why = f"the method was not run: the steady state was not met before the method: {_unmet(states.get('before'))}"
    elif failed:
        why = f"failed: {', '.join(failed)}"
    return Journal(
        status=str(journal["status"]),
        deviated=str(journal.get("deviated", "")).lower(),
        steady_before=before,
        steady_after=after,
        unmet=_unmet(states.get("after")) if after == "not met" else "",
        failed=failed,
        why=why,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _steady(state: Any) -> str:
    met = _mapping(state).get("steady_state_met")
    return "not asked" if met is None else "met" if met is True else "not met"


def _unmet(state: Any) -> str:
    """The probe that was not met: the last one that Chaos Toolkit ran."""
    probes = _list(_mapping(state).get("probes"))
    return _name(probes[-1]) if probes else "no probe was run"


def _failed(*parts: Any) -> Iterator[str]:
    for part in parts:
        for run in _list(part):
            if _mapping(run).get("status") != "succeeded":
                yield _name(run)


def _name(run: Any) -> str:
    return str(_mapping(_mapping(run).get("activity")).get("name", "an activity without a name"))
