"""What the supervisor decides and hands to the control plane."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

IMPORTS = Path(__file__).parent / "platform"
"""Where pods import the platform's services from."""
ZYGOTE = "readiness_sandbox.cluster.kubelet.zygote"
"""The module of the process whose descendants are the pods."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxSettings:
    """One sandbox. Without a release the cluster has nodes and nothing on them.

    Attributes:
        directory: where everything of the sandbox is.
        octet: second octet of all its addresses.
        release: name or directory of the release.
        parts: of the platform that are deployed beside it.
        zygote: descriptor of the asking end to the zygote.
        forwarder: descriptor of the asking end to the forwarder.
        supervisor: descriptor on which the control plane tells how it goes.
    """

    directory: str
    octet: int
    release: str | None
    parts: tuple[str, ...]
    zygote: int
    forwarder: int
    supervisor: int

    def as_argument(self) -> str:
        """The form in which it travels on a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, argument: str) -> SandboxSettings:
        """Read `as_argument`."""
        given = json.loads(argument)
        return cls(**{**given, "parts": tuple(given["parts"])})
