"""Reads the history of a chaos child while it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class ChildHistory:
    """Follows `history/chaos-<experiment>.ndjson`, from the length that the file had at the start of the child."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self._first: dict[str, int] = {}
        self.whys: list[str] = []
        self._rolled_back: list[bool] = []
        self._acted = False

    def first_ns(self, kind: str) -> int | None:
        """Time of the first observation of the given kind; None before it is recorded."""
        self._poll()
        return self._first.get(kind)

    @property
    def acted(self) -> bool:
        """Whether an action of the method has begun."""
        return self.first_ns("fault.sent") is not None or self._acted

    def rolled_back(self, rollbacks: int) -> bool:
        """Whether the child recorded this number of ended rollbacks and no failure."""
        self._poll()
        return len(self._rolled_back) == rollbacks and all(self._rolled_back)

    def _poll(self) -> None:
        """Read the new complete lines; an incomplete line is left for the next call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            observation: dict[str, Any] = json.loads(line)
            kind, fields = observation["kind"], observation.get("fields", {})
            self._first.setdefault(kind, int(fields.get("at_ns", observation["mono_ns"])))
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # the evidence room reports lines that are no observations
        if kind == "fault.why":
            self.whys.append(str(fields.get("why", "")))
        elif kind == "activity" and fields.get("part") == "rollback":
            self._rolled_back.append(fields.get("ok") is True)
        elif kind == "activity" and fields.get("part") == "method":
            self._acted |= fields.get("type") == "action"
