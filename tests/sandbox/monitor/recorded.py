"""Recorded series in promtool's notation, and real Prometheus' answers about them.

`promtool test rules` says what it got where that is not what was expected: with nothing expected, it says everything.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml

from readiness_sandbox.platform.monitor.promql import Labels, PromqlQuery
from readiness_sandbox.platform.monitor.promql.values import STALE, labels_of
from readiness_sandbox.platform.monitor.storage import Storage

PROMTOOL: Final = shutil.which("promtool")
EVERY_S: Final = 15.0
SERIES: Final[Mapping[str, str]] = {
    'requests_total{service="user",status="200",pod="u-0"}': "5000+30x40",
    'requests_total{service="user",status="200",pod="u-1"}': "7000+28x18 300+28x20",
    'requests_total{service="user",status="500",pod="u-0"}': "900+0x10 901+3x28",
    'requests_total{service="track",status="200",pod="t-0"}': "4000+45x16 _x6 5000+45x16",
    'requests_total{service="track",status="500",pod="t-0"}': "800+1x15 stale _x5 900+2x17",
    'requests_total{service="track",status="503",pod="t-0"}': "700+0x40",
    'up{job="pods",pod="u-0"}': "1x40",
    'up{job="pods",pod="t-0"}': "1x15 0x6 1x18",
    'up{job="postgres",pod="p-0"}': "1x12 0x8 1x20",
    'memory_bytes{pod="u-0"}': "1000+40x10 1400-35x12 980+5x16",
    'memory_bytes{pod="u-1"}': "2000 2010 1990 2050 _ 2075 2040 2100+1x32",
    'limit_bytes{pod="u-0",service="user"}': "2000x40",
    'limit_bytes{pod="u-1",service="user"}': "4000x40",
    'seconds_bucket{service="user",le="0.1"}': "100+10x40",
    'seconds_bucket{service="user",le="0.5"}': "130+18x40",
    'seconds_bucket{service="user",le="+Inf"}': "150+20x40",
    'seconds_bucket{service="track",le="0.1"}': "200+0x40",
    'seconds_bucket{service="track",le="0.5"}': "250+6x40",
    'seconds_bucket{service="track",le="+Inf"}': "260+9x40",
    'signed{pod="u-0"}': "-5+1x40",
}


def values(notation: str) -> list[float | None]:
    """What `5+3x2 _ stale 7` stands for: 5 8 11, no sample, the stale marker, 7."""
    found: list[float | None] = []
    for word in notation.split():
        if word == "stale":
            found.append(STALE)
        elif (gap := re.fullmatch(r"_(?:x(\d+))?", word)) is not None:
            found += [None] * int(gap[1] or 1)
        else:
            parts = re.fullmatch(r"(-?[\d.]+)(?:([+-][\d.]+))?(?:x(\d+))?", word)
            assert parts is not None, word
            found += [float(parts[1]) + float(parts[2] or 0) * step for step in range(int(parts[3] or 0) + 1)]
    return found


def stored(series: Mapping[str, str] = SERIES, every_s: float = EVERY_S) -> Storage:
    """The recorded series; the first sample of each at 0 s."""
    storage = Storage(retention_s=1e6)
    for name, notation in series.items():
        metric, _, inside = name.partition("{")
        labels = labels_of({"__name__": metric, **dict(re.findall(r'(\w+)="([^"]*)"', inside))})
        for at, value in zip(count(), values(notation)):
            if value is not None:
                storage.add(labels, at * every_s, value)
    return storage


def evaluated(storage: Storage, query: str, at_s: float) -> dict[Labels, float]:
    """What the embedded evaluator makes of it."""
    return dict(PromqlQuery(query).vector(storage, at_s))


def promtool(
    directory: Path, queries: Iterable[tuple[str, float]] = (), *, rules: Path | None = None, alerts: Sequence[Any] = ()
) -> str:
    """What promtool has to say of a test that expects nothing; without an order, it takes groups as a map's iteration has them."""
    assert PROMTOOL is not None
    test = {
        "interval": f"{EVERY_S:g}s",
        "input_series": [{"series": name, "values": notation} for name, notation in SERIES.items()],
        "promql_expr_test": [{"expr": query, "eval_time": f"{at_s * 1000:.0f}ms"} for query, at_s in queries],
        "alert_rule_test": [{"alertname": name, "eval_time": f"{at_s:.0f}s"} for name, at_s in alerts],
    }
    groups = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"] if rules else []
    content = {
        "rule_files": [str(rules)] if rules else [],
        "evaluation_interval": f"{EVERY_S:g}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [test],
    }
    file = directory / "test.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "test", "rules", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


def answers(output: str) -> dict[tuple[str, float], dict[Labels, float]]:
    """What promtool says that it got, by expression and moment."""
    found = {}
    pattern = r'expr: "((?:[^"\\]|\\.)*)", time: (\S+),\n +exp: nil\n +got: (.*)\n'
    for expression, moment, got in re.findall(pattern, output):
        samples = re.findall(r"\{((?:[^{}\"]|\"[^\"]*\")*)\} (\S+?)(?:,|$)", got.strip() + ",")
        labels = (labels_of(re.findall(r'(\w+)="([^"]*)"', inside)) for inside, _ in samples)
        numbers = (float(value.replace("Inf", "inf")) for _, value in samples)
        found[expression.replace('\\"', '"'), seconds(moment)] = dict(zip(labels, numbers, strict=True))
    return found


def seconds(moment: str) -> float:
    """Of `4m7s`."""
    return sum(float(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in re.findall(r"([\d.]+)([hms])", moment))


def same(ours: Mapping[Labels, float], theirs: Mapping[Labels, float]) -> bool:
    """Whether two vectors are: values of sums may differ in their last digits."""
    return ours.keys() == theirs.keys() and all(
        math.isclose(ours[key], theirs[key], rel_tol=1e-12, abs_tol=1e-12) or (ours[key] != ours[key] != theirs[key])
        for key in ours
    )
