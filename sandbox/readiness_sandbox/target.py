"""target.yaml: what the sandbox declares to the harness, and the files it refers to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from readiness_sandbox import documents
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.tls import write_private
from readiness_sandbox.platform import backup, control, identity, parts, render
from readiness_sandbox.platform.credentials import CACHE
from readiness_sandbox.platform.describe import MEMBERS, SHARES, Addresses, describe, dsn_files, scratch_dsn
from readiness_sandbox.platform.staging import SAMPLES, copy_samples, named_as, standing_for
from readiness_sandbox.releases import load_release

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from readiness_sandbox.cluster.store import Store
    from readiness_sandbox.directory import Directory
    from readiness_sandbox.platform.credentials import Credentials

ENTRY = ("global", "balancer")
REGION_ENTRY = ("edge-{region}", "entry")
"""The Service that is in front of the gateways of a region, where there is one."""
GATEWAY = "api-gateway"
ALL_SERVICES = (GATEWAY, "user-service", "track-service")
"""Of each region."""


def write(
    store: Store, directory: Directory, credentials: Credentials, release: str, deployed: Iterable[str] = ()
) -> None:
    """Write target.yaml and the secrets that it names, for a platform with these parts."""
    addresses = Addresses(
        entry=_url(store, *ENTRY),
        regions={region: _url(store, *_entry(store, region)) for region in SHARES},
        controls={name: f"{_url(store, control.NAMESPACE, name)}/health" for name in _controls(store)},
        services={f"{at}/{name}": f"{_url(store, at, name)}/ready" for at in SHARES for name in ALL_SERVICES},
        members={member: store.get(kinds.by_name("Pod"), "database", member)["status"]["podIP"] for member in MEMBERS},
    )
    files = dsn_files(addresses, credentials, directory.secrets)
    if identity.PART in parts.with_needs(deployed):
        files |= {directory.secrets / name: text for name, text in credentials.identity.files().items()}
    if "secrets" in parts.with_needs(deployed):
        files[directory.secrets / "store-token"] = f"Bearer {credentials.store_token}"
    if backup.PART in parts.with_needs(deployed):
        files |= _of_backups(store, directory, credentials)
    if CACHE in parts.with_needs(deployed):
        files[directory.secrets / "cache-password"] = credentials.cache_password
    for path, text in files.items():
        write_private(path, text.encode())
    content = describe(
        addresses,
        release=release,
        kubeconfig=directory.kubeconfig,
        secrets=directory.secrets,
        flows=directory.flows,
        repository=directory.repository,
    )
    _write(directory, parts.described(content, deployed, partial(_url, store)))


def _of_backups(store: Store, directory: Directory, credentials: Credentials) -> dict[Path, str]:
    """The token of the operators, and the DSN of the copy that a drill restores."""
    service = store.get(kinds.by_name("Service"), *backup.SERVICE)["spec"]["clusterIP"]
    dsn = scratch_dsn(service, credentials, directory.secrets)
    return {directory.secrets / name: text for name, text in {**credentials.backup.files(), "dsn-scratch": dsn}.items()}


def stand_for(directory: Directory, environment: str) -> None:
    """Let target.yaml name another environment, and put the sample reports beside it."""
    content, samples = documents.load(directory.target.read_text()), directory.root / SAMPLES
    copy_samples(samples, named_as(content, environment))
    _write(directory, standing_for(content, environment, samples, directory.repository))


def deployed_parts(directory: Directory) -> tuple[str, ...]:
    """The parts that run beside the platform."""
    return tuple(documents.load(directory.target.read_text()).get("parts", ()))


def with_candidate(content: dict[str, Any], candidate: str) -> dict[str, Any]:
    """The content of a target file in which this release takes over in rollouts; empty: as it is.

    Where the platform has no part for rollouts, the key has nothing but the candidate.
    """
    return {**content, "rollout": {**content.get("rollout", {}), "candidate": candidate}} if candidate else content


def set_candidate(directory: Directory, candidate: str) -> None:
    """Record that another release takes over in rollouts."""
    _write(directory, with_candidate(documents.load(directory.target.read_text()), candidate))


def set_release(directory: Directory, release: str) -> None:
    """Record that another release runs now."""
    content = documents.load(directory.target.read_text())
    _write(directory, {**content, "release": {**content["release"], "version": release}})


def _write(directory: Directory, content: dict[str, object]) -> None:
    directory.target.write_text(documents.dump(content))


def _controls(store: Store) -> list[str]:
    return [service["metadata"]["name"] for service in store.list(kinds.by_name("Service"), control.NAMESPACE)]


def _entry(store: Store, region: str) -> tuple[str, str]:
    """Namespace and name of the Service by which users come into a region."""
    edge, name = REGION_ENTRY[0].format(region=region), REGION_ENTRY[1]
    there = {each["metadata"]["name"] for each in store.list(kinds.by_name("Service"), edge)}
    return (edge, name) if name in there else (region, GATEWAY)


def entry_url(address: str, deployed: Iterable[str] = ()) -> str:
    """The URL of the entry of a platform with these parts, before it runs: its issuer, and the origin of its pages."""
    services = (
        each for each in render.without_credentials(load_release("1.0.0"), deployed) if each["kind"] == "Service"
    )
    entry = next(each for each in services if (each["metadata"]["namespace"], each["metadata"]["name"]) == ENTRY)
    return reached(entry["spec"]["ports"], address)


def _url(store: Store, namespace: str, name: str) -> str:
    """The URL of a Service: of the port that is named, as in `balancer:http`, else of the one with HTTPS, else of the first; or of a pod's first port."""
    service, _, port_name = name.partition(":")
    pods = {pod["metadata"]["name"]: pod for pod in store.list(kinds.by_name("Pod"), namespace)}
    if service in pods:
        ports = pods[service]["spec"]["containers"][0]["ports"]
        return f"http://{pods[service]['status']['podIP']}:{ports[0]['containerPort']}"
    spec = store.get(kinds.by_name("Service"), namespace, service)["spec"]
    chosen = [port for port in spec["ports"] if port_name in ("", port.get("name"))]
    return reached(chosen, spec["clusterIP"])


def reached(ports: list[dict[str, Any]], address: str) -> str:
    """The URL of the port with HTTPS, else of the first one."""
    port = next((port for port in ports if port.get("appProtocol") == "https"), ports[0])
    scheme = "https" if port.get("appProtocol") == "https" else "http"
    return f"{scheme}://{address}:{port['port']}"
