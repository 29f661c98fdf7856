"""How a cluster is reached: by the named context, never the default one, and in words when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.errors import ConfigurationError, TargetUnreachable
from harness.targets import Target, load_target
from harness.targets.kubernetes import Cluster, api_client, api_server_url, has_condition, labels_of


def target(directory: Path, context: str = "ours") -> Target:
    """A target whose kubeconfig has two contexts; the current one is not ours."""
    clusters = {"ours": "https://127.96.0.7:1", "theirs": "https://127.96.0.8:1"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "theirs",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in clusters.items()],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}} for name in clusters],
    }
    (directory / "kubeconfig").write_text(yaml.safe_dump(config))
    file = directory / "target.yaml"
    file.write_text(
        "name: a\nenvironment: staging\nentry: https://a.test\n"
        f"kubernetes: {{kubeconfig: {directory}/kubeconfig, context: {context}}}\n"
    )
    return load_target(file)


def test_the_named_context_is_used_not_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever KUBECONFIG and the proxies of the environment say."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    ours = target(tmp_path)
    assert api_server_url(ours) == "https://127.96.0.7:1"
    assert api_client(ours).configuration.proxy is None


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the file that was looked in."""
    astray = target(tmp_path, "nobody")
    with pytest.raises(ConfigurationError, match=r"context `nobody` cannot be read from .*/kubeconfig"):
        api_client(astray)
    (tmp_path / "kubeconfig").write_text("{")
    with pytest.raises(ConfigurationError, match=r"/kubeconfig: while parsing a flow node"):
        api_client(astray)


def test_a_target_without_a_cluster_says_which_key_is_missing(tmp_path: Path) -> None:
    """It can still be judged by its entry."""
    file = tmp_path / "target.yaml"
    file.write_text("name: a\nenvironment: staging\nentry: https://a.test\n")
    with pytest.raises(ConfigurationError, match=r"target\.yaml: kubernetes: names no cluster"):
        api_client(load_target(file))


def test_a_server_that_does_not_answer_is_a_target_that_is_unreachable(tmp_path: Path) -> None:
    """At once, not after retries."""
    with pytest.raises(TargetUnreachable, match=r"https://127\.96\.0\.7:1: no answer from the API server"):
        Cluster.of(target(tmp_path)).nodes()


def test_what_is_missing_in_an_object_reads_as_empty() -> None:
    """Real servers leave out what is empty."""
    assert labels_of({"metadata": {}}) == {}
    assert not has_condition({"metadata": {}}, "Ready")
    assert not has_condition({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "Ready")
