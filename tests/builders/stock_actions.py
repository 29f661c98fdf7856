"""Performs actions of chaostoolkit-kubernetes in the process of a test, with what the control records of them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.config import kube_config

from harness.chaos.confirmation import stock
from harness.chaos.session import session
from harness.targets.cluster.kubeconfig import api_server_url

if TYPE_CHECKING:
    import pytest

    from harness.model import Hit
    from harness.targets import Target


def use(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package reach a target's cluster: the official client reads the variable once, when it is imported."""
    assert target.kubernetes is not None
    path = str(Path(target.kubernetes.kubeconfig).absolute())
    monkeypatch.setenv("KUBECONFIG", path)
    monkeypatch.setenv("KUBERNETES_CONTEXT", target.kubernetes.context)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", path)
    assert import_module("chaosk8s").create_k8s_api_client().configuration.host == api_server_url(target)


def perform(place: str, *, breaks: bool = True, if_there: bool = False, **arguments: Any) -> tuple[list[Hit], str]:
    """Perform `pod.actions.terminate_pods` and the like; the hits that it adds, and why it hit less than it says."""
    module, _, name = f"chaosk8s.{place}".rpartition(".")
    provider = {"type": "python", "module": module, "func": name, "arguments": arguments}
    before = len(session().hits)
    call = stock.about_to({"name": name, "provider": provider}, {}, {}, breaks=breaks, if_there=if_there)
    output = getattr(import_module(module), name)(**arguments)
    assert call is not None
    why = stock.done(call, output)
    return session().hits[before:], why
