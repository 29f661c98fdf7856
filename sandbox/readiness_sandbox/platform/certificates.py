"""The certificates of the part `tls`: of the platform's own authority, issued when the sandbox starts, and those of machines.

The ConfigMap `certificates` says which Services get one; each is put into a Secret that the manifests refer to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from readiness_sandbox.cluster.tls import Authority, Pair
from readiness_sandbox.platform.credentials import secret

PART: Final = "tls"
CONFIG_MAP: Final = "certificates"
_MACHINE: Final = "machine"
_EXPIRED: Final = timedelta(hours=-1)

Object = dict[str, Any]
AddressOf = Callable[[str, str], str]
"""Namespace and name of a Service to the address at which the host reaches it."""


class IssuedCertificates:
    """The authorities of one sandbox, and what they issue."""

    def __init__(self) -> None:
        self._platform, self._machines = Authority("normaldance platform"), Authority("normaldance machines")

    def secrets(self, objects: Iterable[Object], address: AddressOf) -> list[Object]:
        """A Secret for each Service among these objects that the ConfigMap `certificates` among them names."""
        every = list(objects)
        there = {
            f"{one['metadata']['namespace']}.{one['metadata']['name']}" for one in every if one["kind"] == "Service"
        }
        chosen = (one for one in every if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", CONFIG_MAP))
        asked = {place: yaml.safe_load(text) for one in chosen for place, text in one["data"].items()}
        return [self._secret(place, asked_for, address) for place, asked_for in asked.items() if place in there]

    def _secret(self, place: str, asked: Mapping[str, Any], address: AddressOf) -> Object:
        namespace, _, service = place.partition(".")
        # the first name is that of the Service for its users, where it has one
        names = [*asked.get("names", ()), service, f"{service}.{namespace}.svc.cluster.local"]
        pair = self._platform.issue(
            names[0],
            names=names,
            addresses=[address(namespace, service)],
            lifetime=timedelta(days=int(asked["days"])),
        )
        content = {
            "ca.crt": self._platform.certificate.decode(),
            "tls.crt": pair.certificate.decode(),
            "tls.key": pair.key.decode(),
            "machines.crt": self._machines.certificate.decode(),
        }
        return secret(namespace, f"{service}-tls", content)

    def write(self, directory: Path) -> None:
        """Write what a target file names: the platform's authority, and certificates of a machine, of which one has expired."""
        (directory / "platform-ca.crt").write_bytes(self._platform.certificate)
        pairs: dict[str, Pair] = {
            _MACHINE: self._machines.issue(_MACHINE),
            f"{_MACHINE}-expired": self._machines.issue(_MACHINE, lifetime=_EXPIRED),
        }
        for name, pair in pairs.items():
            pair.write(directory / f"{name}.crt", directory / f"{name}.key")
