"""Identity and neighbours of this pod, from the environment that Kubernetes sets."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PodSettings:
    """Identity and address of one pod."""

    service: str
    region: str
    pod: str
    address: str
    port: int
    release: str

    @classmethod
    def from_env(cls, service: str) -> PodSettings:
        """The settings of `service`; every variable has a default that suits a pod started by hand."""
        return cls(
            service=service,
            region=os.environ.get("REGION", "local"),
            pod=os.environ.get("POD_NAME", f"{service}-by-hand"),
            address=os.environ.get("POD_IP", "127.0.0.1"),
            port=int(os.environ.get("PORT", "8080")),
            release=os.environ.get("RELEASE", "0.0.0"),
        )


def address_of(service: str) -> tuple[str, int]:
    """Host and port of a Service of this namespace, as Kubernetes' service variables give them.

    Raises:
        KeyError: the Service did not exist when this pod started.
    """
    name = service.upper().replace("-", "_")
    return os.environ[f"{name}_SERVICE_HOST"], int(os.environ[f"{name}_SERVICE_PORT"])
