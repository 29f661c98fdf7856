"""A kubeconfig of one context, taken from those that a target names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.errors import ConfigurationError
from harness.targets import load_target
from harness.targets.cluster.one_context import kubeconfig_files, write_context


def files(directory: Path) -> None:
    """Two of them: `one` has the current context and the user, `two` the context that is chosen; each has a cluster of the same name."""
    context = {"name": "ours", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}
    login: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "bin/login",
        "args": ["--quiet"],
    }
    login["env"] = [{"name": "MODE", "value": "own"}]
    user = {"client-certificate": "me.pem", "client-key": "/etc/me.key", "exec": login}
    clusters = {
        name: [{"name": "c", "cluster": {"server": f"https://{name}.test", "certificate-authority": "ca.pem"}}]
        for name in ("one", "two")
    }
    one = {"current-context": "theirs", "clusters": clusters["one"], "users": [{"name": "u", "user": user}]}
    theirs = {"name": "theirs", "context": {"cluster": "c", "user": "u"}}
    for name, config in {
        "one": {**one, "contexts": [theirs]},
        "two": {"clusters": clusters["two"], "contexts": [context]},
    }.items():
        (directory / name).mkdir()
        (directory / name / "config").write_text(yaml.safe_dump(config))


def test_one_context_is_taken_from_several_files_with_its_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the rules of kubectl: the first file counts, paths are beside the file that has them. The variable may be relative."""
    files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", "one/config:two/config:three/config")
    (tmp_path / "target.yaml").write_text(
        "name: a\nenvironment: staging\nentry: https://a.test\nkubernetes: {context: ours}\n"
    )
    named = kubeconfig_files(load_target(tmp_path / "target.yaml"))
    assert named == ":".join(f"{tmp_path}/{name}/config" for name in ("one", "two", "three"))
    monkeypatch.chdir("/")
    path = write_context(named, "ours", tmp_path, {"HTTPS_PROXY": "http://proxy.test:3128", "MODE": "theirs"})
    assert path.stat().st_mode & 0o777 == 0o600
    made = yaml.safe_load(path.read_text())
    assert (made["current-context"], [one["name"] for one in made["contexts"]]) == ("ours", ["ours"])
    assert made["contexts"][0]["context"]["namespace"] == "shop"
    assert [one["cluster"] for one in made["clusters"]] == [
        {"server": "https://one.test", "certificate-authority": f"{tmp_path}/one/ca.pem"}
    ]
    user = made["users"][0]["user"]
    assert (user["client-certificate"], user["client-key"]) == (f"{tmp_path}/one/me.pem", "/etc/me.key")
    assert user["exec"]["command"] == f"{tmp_path}/one/bin/login"
    assert user["exec"]["env"] == [
        {"name": "MODE", "value": "own"},
        {"name": "HTTPS_PROXY", "value": "http://proxy.test:3128"},
    ]


@pytest.mark.parametrize(("named", "context"), [("one/config", "ours"), ("three/config", "ours")])
def test_a_context_that_is_not_in_them_is_named(tmp_path: Path, named: str, context: str) -> None:
    """With the file; nothing is written."""
    files(tmp_path)
    with pytest.raises(ConfigurationError, match=r"context `ours` cannot be read from .*/config: "):
        write_context(f"{tmp_path}/{named}", context, tmp_path, {})
    assert not [*tmp_path.glob("kubeconfig-*")]
