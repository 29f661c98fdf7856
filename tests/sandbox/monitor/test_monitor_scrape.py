"""What is scraped and under which labels: targets of Kubernetes, relabelling, the exposition format, and refusals by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.platform.monitor.promql.values import labels_of
from readiness_sandbox.platform.monitor.scrape.config import ScrapeJob, read_config
from readiness_sandbox.platform.monitor.scrape.discovery import node_targets, pod_targets
from readiness_sandbox.platform.monitor.scrape.exposition import ExpositionError, head, labels_in, lines, values_again
from readiness_sandbox.platform.monitor.scrape.relabel import ConfigRefused, Relabel, relabelled
from readiness_sandbox.platform.monitor.scrape.scraping import target_of
from readiness_sandbox.platform.monitor.storage import Storage
from readiness_sandbox.platform.render import MANIFESTS, kustomized

POD = {
    "metadata": {
        "name": "till-0",
        "namespace": "shop",
        "uid": "1",
        "labels": {"app": "till", "app.kubernetes.io/name": "till"},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/m"},
    },
    "spec": {
        "nodeName": "north-1",
        "containers": [{"name": "till", "ports": [{"name": "http", "containerPort": 8080}]}],
    },
    "status": {"podIP": "10.0.0.7", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


def test_a_pod_is_a_target_for_each_of_its_ports() -> None:
    """With the labels of Prometheus' own discovery."""
    (target,) = pod_targets(POD)
    assert target["__address__"] == "10.0.0.7:8080"
    assert target["__meta_kubernetes_pod_annotation_prometheus_io_scrape"] == "true"
    assert target["__meta_kubernetes_pod_label_app_kubernetes_io_name"] == "till"
    assert target["__meta_kubernetes_pod_ready"] == "true"
    assert target["__meta_kubernetes_pod_container_port_name"] == "http"
    ended = {**POD, "status": {**POD["status"], "phase": "Succeeded"}}  # type: ignore[dict-item]
    assert list(pod_targets(ended)) == []


def test_a_node_is_a_target_by_its_name() -> None:
    """At the port of its kubelet."""
    (target,) = node_targets({"metadata": {"name": "north-1"}, "status": {"addresses": []}})
    assert (target["__address__"], target["instance"]) == ("north-1:10250", "north-1")


def test_the_platform_s_own_configuration_scrapes_what_is_annotated(tmp_path: Path) -> None:
    """And nothing else; at the port and path of the annotations."""
    part = kustomized(MANIFESTS / "parts" / "monitor")
    (config,) = (one for one in part if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "prometheus")
    file = tmp_path / "prometheus.yml"
    text = config["data"]["prometheus.yml"]
    for name, value in {
        "SCRAPE_EVERY": "1s",
        "KUBELETS_EVERY": "1s",
        "OBJECTS_EVERY": "5s",
        "KUBERNETES_API_HOST": "10.0.0.1:6443",
    }.items():
        text = text.replace(f"$({name})", value)
    file.write_text(text)
    jobs = {job.name: job for job in read_config(file).jobs}
    (node,) = node_targets({"metadata": {"name": "north-1"}, "status": {"addresses": []}})
    kubelet = target_of(jobs["kubelets"], node)
    assert kubelet is not None
    assert kubelet.url == "https://10.0.0.1:6443/api/v1/nodes/north-1/proxy/metrics/cadvisor"
    assert dict(kubelet.labels) == {"job": "kubelets", "node": "north-1", "instance": "north-1"}
    (discovered,) = pod_targets(POD)
    target = target_of(jobs["pods"], discovered)
    assert target is not None
    assert target.url == "http://10.0.0.7:8080/m"
    assert dict(target.labels) == {
        "job": "pods", "namespace": "shop", "pod": "till-0", "node": "north-1", "app": "till", "instance": "10.0.0.7:8080",
    }  # fmt: skip
    quiet = {**discovered, "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "false"}
    assert target_of(jobs["pods"], quiet) is None


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        ({"source_labels": ["a", "b"], "target_label": "c", "replacement": "$1", "regex": "(.*);y"}, {"c": "x"}),
        ({"source_labels": ["a"], "regex": "no", "target_label": "c"}, {}),
        ({"source_labels": ["a"], "target_label": "b", "replacement": ""}, {"b": None}),
        ({"action": "labelmap", "regex": "(.)", "replacement": "got_$1"}, {"got_a": "x", "got_b": "y"}),
        ({"action": "labeldrop", "regex": "b"}, {"b": None}),
        ({"action": "labelkeep", "regex": "b"}, {"a": None}),
    ],
)
def test_relabelling(rule: dict[str, object], after: dict[str, str | None]) -> None:
    """What a rule changes of two labels."""
    before = {"a": "x", "b": "y"}
    expected = {name: value for name, value in {**before, **after}.items() if value is not None}
    assert relabelled(before, [Relabel.parse(rule, "rule")]) == expected


def test_lines_of_an_exposition() -> None:
    """Comments are left out; escapes, spaces and times of samples are read."""
    text = '# HELP a b\n# TYPE a gauge\na 1\nb{x="1",y="a\\"b\\\\c}\\n"} +Inf 1500\n\nc{ z = "q", } NaN\n'
    found = [(labels_in(series), value, at_s) for series, value, at_s in lines(text)]
    assert found[0] == (labels_of({"__name__": "a"}), 1.0, None)
    assert found[1] == (labels_of({"__name__": "b", "x": "1", "y": 'a"b\\c}\n'}), float("inf"), 1.5)
    assert (found[2][0], found[2][1] != found[2][1]) == (labels_of({"__name__": "c", "z": "q"}), True)


SERIES_TEXTS = ("a", "ab", 'a{x="1"}', 'a{x="1 2"}', 'b{x="}",y="#"}', "a_total")
EXPOSED_LINES = st.tuples(
    st.sampled_from(SERIES_TEXTS),
    st.sampled_from(("1", "2.5e3", "+Inf", "-0", "1 1500")),
    st.sampled_from(("", "# HELP a\n", "\n")),
)


def exposed(found: list[tuple[str, str, str]]) -> str:
    """The exposition of series, their numbers, and what stands before their lines."""
    return "".join(f"{before}{series} {number}\n" for series, number, before in found)


@given(st.lists(EXPOSED_LINES), st.lists(EXPOSED_LINES))
def test_a_scrape_with_the_series_of_the_one_before_has_the_values_that_its_lines_have(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    """Where it has other series, or a time of its own for a sample, that is told, and its lines are read."""
    heads = [head(series) for series, _, _ in lines(exposed(before))]
    same = [(series, number, gap) for (series, _, _), (_, number, gap) in zip(before, after, strict=False)]
    for text in (exposed(after), exposed(same), exposed(before)):
        read = list(lines(text))
        alike = [head(series) for series, _, _ in read] == heads and all(said_s is None for _, _, said_s in read)
        assert values_again(text, heads) == ([value for _, value, _ in read] if alike else None)


def test_series_that_come_and_go_are_stored_as_if_each_scrape_were_the_first() -> None:
    """A series that is no more has ended, one that is new has begun, and the others go on."""
    storage = Storage()
    target = target_of(ScrapeJob(name="a", interval_s=1.0, timeout_s=1.0, params={}), {"__address__": "10.0.0.7:80"})
    assert target is not None
    for at_s, text in ((1.0, "a 1\nb 2\n"), (2.0, "a 3\nb 4\n"), (3.0, "a 5\nc 6\n"), (4.0, "a 7\nc 8\n")):
        target.store(text, storage, at_s)
    found = {dict(one.labels)["__name__"]: one.within(0.0, 9.0) for one in storage.select([])}
    assert {name: [*zip(*samples, strict=True)] for name, samples in found.items()} == {
        "a": [(1.0, 1.0), (2.0, 3.0), (3.0, 5.0), (4.0, 7.0)],
        "b": [(1.0, 2.0), (2.0, 4.0)],
        "c": [(3.0, 6.0), (4.0, 8.0)],
    }
    assert [one.ended for one in storage.select([])] == [False, True, False]


@pytest.mark.parametrize("text", ["a", "a b", "a{x=1} 2", '{x="1"} 2', "<html> 1"])
def test_what_is_no_exposition_fails_the_scrape(text: str) -> None:
    """A page of a proxy is not taken for metrics."""
    with pytest.raises(ExpositionError):
        [labels_in(series) for series, _, _ in lines(text)]


def job(**settings: object) -> dict[str, object]:
    """A configuration with one job."""
    return {"scrape_configs": [{"job_name": "a", **settings}]}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"remote_write": []}, "remote_write is not supported"),
        ({"global": {"evaluation_interval": "often"}}, "evaluation_interval: not a valid duration string"),
        (job(consul_sd_configs=[]), "job a: consul_sd_configs is not supported"),
        (job(kubernetes_sd_configs=[{"role": "ingress"}]), "the role ingress is not"),
        (job(relabel_configs=[{"action": "hashmod"}]), "relabel action hashmod is not"),
        (job(relabel_configs=[{"regex": "("}]), "regex: "),
    ],
)
def test_what_is_not_understood_of_a_configuration_is_refused(
    change: dict[str, object], why: str, tmp_path: Path
) -> None:
    """By name: a target that would never be scraped is found at the start."""
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(change))
    with pytest.raises(ConfigRefused, match=re.escape(why)):
        read_config(file)
