"""Earlier runs on disk and in memory, as small as `verdict.json` may be to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.model.judged.past import PastFigure, PastRow, PastRun


def latency(value: float, **more: Any) -> PastFigure:
    """A p95 in ms, known to 3 % at 95 % and to 5 % at 99.75 %."""
    given: dict[str, Any] = {
        "name": "response time p95",
        "verdict": "PASS",
        "scope": {"traffic": "everyday", "route": "read-track"},
        "value": value,
        "unit": "ms",
        "op": "is below",
        "limit": "200 ms",
        "low": value * 0.97,
        "high": value * 1.03,
        "fail_low": value * 0.95,
        "fail_high": value * 1.05,
        "confidence": 0.95,
        "n": 3000,
    }
    return PastFigure(**{**given, **more})


def past(name: str, *rows: PastRow, **more: Any) -> PastRun:
    """A run with these rows."""
    given: dict[str, Any] = {
        "run": name,
        "schema": 2,
        "run_id": name,
        "decision": "GO",
        "headline": f"GO for sandbox · {name}",
        "profile": "core",
        "environment": "sandbox",
        "target": "sandbox",
        "time_scale": 60.0,
        "release": "1.0.0",
        "score": 1.0,
        "counts": {"PASS": len(rows)},
        "requirements": rows,
    }
    return PastRun(**{**given, **more})


def p95(value: float, **more: Any) -> PastRow:
    """A requirement with one figure."""
    return PastRow(id="SHOP-P95", verdict="PASS", title="response time", measures=(latency(value, **more),))


def verdict(name: str, value: float = 100.0, **more: Any) -> dict[str, Any]:
    """The content of a small `verdict.json`."""
    figure = latency(value)
    measure = {field: getattr(figure, field) for field in PastFigure.__dataclass_fields__}
    row = {"id": "SHOP-P95", "verdict": "PASS", "title": "response time", "measures": [measure], "kinds": ["L"]}
    return {
        "schema": 2,
        "run_id": name,
        "decision": "GO",
        "headline": f"GO for sandbox · {name}",
        "profile": "core",
        "environment": "sandbox",
        "target": "sandbox",
        "time_scale": 60,
        "release": "1.0.0",
        "score": 1,
        "counts": {"PASS": 1, "FAIL": 0, "INCONCLUSIVE": 0, "WAIVED": 0, "NOT_ASSESSED": 0},
        "requirements": [row],
        **more,
    }


def write(runs: Path, name: str, content: Mapping[str, Any] | bytes | None = None) -> Path:
    """A run directory with this `verdict.json`; None: a small one."""
    directory = runs / name
    directory.mkdir(parents=True)
    body = content if isinstance(content, bytes) else json.dumps(verdict(name) if content is None else content).encode()
    (directory / "verdict.json").write_bytes(body)
    return directory
