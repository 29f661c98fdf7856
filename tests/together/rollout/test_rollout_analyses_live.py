"""The platform's analyses on a controller and a Prometheus: each tells a bad release, leaves a good one alone, and does not know one without figures.

On the sandbox's controller, or on Argo Rollouts where `scripts/genuine run` says that it is there; the Prometheus is a real one.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import pytest
import yaml
from kubernetes import client

import readiness_sandbox
from harness import clock
from harness.targets.cluster.workloads import ARGO
from tests.plain.plain_project import free_address
from tests.sandbox.pocket import PocketCluster, running_or_genuine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
FILE: Final = Path(readiness_sandbox.__file__).parent / "platform/manifests/parts/rollout/region/analysis.yaml"
TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    one["metadata"]["name"]: one for one in yaml.safe_load_all(FILE.read_text(encoding="utf-8"))
}
FIGURES: Final = {
    "good": {
        "release:response_seconds:p95": 1.9,
        "release:errors:ratio": 0.05,
        "release:memory:ratio": 0.8,
        "query:calls:increase5s": 100.0,
        "release:requests:rate": 10.0,
        "release:errors:rate": 0.1,
        "release:response_seconds:p95_of_9s": 0.2,
    },
    "bad": {
        "release:response_seconds:p95": 2.1,
        "release:errors:ratio": 0.051,
        "release:memory:ratio": 0.81,
        "query:calls:increase5s": 300.0,
        "release:requests:rate": 10.0,
        "release:errors:rate": 0.3,
        "release:response_seconds:p95_of_9s": 0.5,
    },
}
"""What Prometheus records of each release, just on either side of the limits; of a third one nothing."""
REPORTS: Final = {"good": 0, "bad": 1}
SLOW: Final = {"alert": "SlowQuery", "expr": "query:calls:increase5s > 200", "labels": {"severity": "warning"}}
WINDOW: Final = {"latency": 3, "errors": 3, "memory": 3}
"""Seconds of each window, of a point a second and one at its start."""


class Analysed(NamedTuple):
    """A cluster with a controller, and the Prometheus that analyses read."""

    cluster: PocketCluster
    address: str


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that scrapes nothing and records the figures."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not on PATH (Debian: prometheus)")
    home, (host, port) = tmp_path_factory.mktemp("prometheus"), free_address()
    recorded = [
        {"record": name, "labels": {"version": release}, "expr": f"vector({value})"}
        for release, figures in FIGURES.items()
        for name, value in figures.items()
    ]
    recorded += [
        {"record": "user_reports_total", "labels": {"severity": "critical", "about": release}, "expr": f"vector({n})"}
        for release, n in REPORTS.items()
    ]
    group = {"name": "releases", "interval": "500ms", "rules": [*recorded, SLOW]}
    (home / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    (home / "prometheus.yml").write_text("rule_files: [rules.yaml]\n")
    words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={host}:{port}"]
    address = f"http://{host}:{port}"
    with subprocess.Popen([program, *words], cwd=home, stderr=subprocess.DEVNULL) as child:
        for _ in clock.Deadline.after(60).ticks(0.2):
            if firing(address):
                break
        yield address
        child.kill()


def firing(address: str) -> bool:
    """Whether the alert of the bad release fires: all figures are recorded then."""
    try:
        found = httpx.get(f"{address}/api/v1/query", params={"query": "ALERTS"}, trust_env=False).json()["data"][
            "result"
        ]
    except (httpx.HTTPError, ValueError):
        return False
    return [one["metric"]["version"] for one in found] == ["bad"]


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory, prometheus: str) -> Iterator[Analysed]:
    """The cluster and the Prometheus."""
    with running_or_genuine(tmp_path_factory.mktemp("analyses") / "sandbox") as cluster:
        yield Analysed(cluster, prometheus)


def began(at: Analysed, template: str, release: str) -> str:
    """The name of a run of that template, with windows of seconds."""
    name = f"{template}-{release}"
    values = {"release": release, "address": at.address, "step": "1s", "delay": "1s"}
    for signal, seconds in WINDOW.items():
        values |= {f"{signal}-window": f"{seconds}s", f"{signal}-points": str(seconds + 1)}
    spec = TEMPLATES[template]["spec"]
    given = [{"name": one["name"], "value": values[one["name"]]} for one in spec["args"]]
    body = {
        "apiVersion": ARGO,
        "kind": "AnalysisRun",
        "metadata": {"name": name},
        "spec": {"args": given, "metrics": spec["metrics"]},
    }
    api_of(at).create_namespaced_custom_object(*ARGO.split("/"), "default", "analysisruns", body)
    return name


def api_of(at: Analysed) -> Any:
    """The client for objects of other groups."""
    return client.CustomObjectsApi(at.cluster.core.api_client)


def status_of(at: Analysed, name: str) -> dict[str, Any]:
    """What the controller says of a run."""
    found = api_of(at).get_namespaced_custom_object(*ARGO.split("/"), "default", "analysisruns", name)
    status: dict[str, Any] = found.get("status") or {}
    return status


def told(status: dict[str, Any]) -> str:
    """The phase of a run that has ended, or of one that goes on what its measurements are so far, at least three of them."""
    (first, *_) = results = status.get("metricResults") or [{}]
    if status.get("phase") not in (None, "", "Running", "Pending"):
        failed = sorted(one["name"] for one in results if one["phase"] == "Failed")
        return " ".join([status["phase"], *failed])
    counts = {key: first.get(key, 0) for key in ("successful", "inconclusive", "failed", "error")}
    return "" if sum(counts.values()) < 3 else " ".join(key for key, count in counts.items() if count)


@pytest.mark.parametrize(
    ("template", "release", "expected"),
    [
        *((name, "good", "successful") for name in ("latency", "errors", "memory", "user-reports", "slow-queries")),
        *((name, "bad", f"Failed {name}") for name in ("latency", "errors", "memory", "user-reports", "slow-queries")),
        *((name, "none", "inconclusive") for name in ("latency", "errors", "memory", "user-reports", "slow-queries")),
        ("step", "good", "Successful"),
        ("step", "bad", "Failed more-errors slower"),
        ("step", "none", "Inconclusive"),
    ],
)
def test_an_analysis_tells_a_bad_release_from_a_good_one_and_from_one_without_figures(
    analysed: Analysed, template: str, release: str, expected: str
) -> None:
    """Just above each limit, exactly at or just below it, and with no figure at all: the last is no pass."""
    name = began(analysed, template, release)
    for _ in clock.Deadline.after(60).ticks(0.3):
        if said := told(status_of(analysed, name)):
            break
    assert said == expected, status_of(analysed, name)
