"""Hooks of the API into controllers and kubelets, so that its answers are current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from readiness_sandbox.cluster.statuses import no_such_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence
    from datetime import datetime

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.statuses import Object


class Hooks(Protocol):
    """The seam between the API and the machinery."""

    async def delete_pod(self, namespace: str, name: str, grace_seconds: int | None) -> Object:
        """Begin to end a pod and return its state; None means the pod's own grace period.

        With 0 its processes are dead, it is gone, and its owners' statuses are right before this returns.
        """
        ...

    def logs(
        self,
        namespace: str,
        name: str,
        *,
        container: str | None,
        follow: bool,
        tail_lines: int | None,
        since: datetime | None,
        previous: bool,
        timestamps: bool,
        limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:
        """The bytes of a container's log. Raises StatusError at once, before it is read."""
        ...

    async def settle(self) -> None:
        """Run the controllers to a fixed point before the API answers; other requests are served meanwhile."""
        ...


class Command(Protocol):
    """A command that runs beside a container."""

    def output(self) -> AsyncGenerator[tuple[int, bytes]]:
        """What it writes, each piece with its stream (1 or 2), until it ends; it is killed when this is closed before."""
        ...

    async def code(self) -> int:
        """Its exit code, 128 + signal when it was killed."""
        ...

    def end(self) -> None:
        """Kill it, where it still runs, and read no more of it."""
        ...


class Commands(Protocol):
    """What runs commands in containers."""

    def execute(self, pod: Object, container: str, argv: Sequence[str]) -> Command:
        """Start a command where a container of a pod runs. Raises StatusError when the container or the program is not there."""
        ...


class NoCommands:
    """Of a cluster without kubelets."""

    def execute(self, _pod: Object, _container: str, _argv: Sequence[str]) -> Command:
        """There is none that could."""
        raise no_such_path()


class Meters(Protocol):
    """What is measured when it is asked for, and stored nowhere."""

    def objects(self, kind: Kind, namespace: str | None) -> list[Object]:
        """The objects of a kind that is measured; `namespace` None means all."""
        ...

    def exposition(self, node: str, path: str) -> str:
        """What the kubelet of a node exposes at a path such as `/metrics/cadvisor`. Raises StatusError 404 or 503."""
        ...

    def state(self) -> str:
        """What kube-state-metrics exposes."""
        ...


class NoMeters:
    """Of a cluster in which nothing is measured."""

    def objects(self, _kind: Kind, _namespace: str | None) -> list[Object]:
        """None."""
        return []

    def exposition(self, _node: str, _path: str) -> str:
        """There is none."""
        raise no_such_path()

    def state(self) -> str:
        """There is none."""
        raise no_such_path()
