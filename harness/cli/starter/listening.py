"""Finds the process that listens at the address of a service, and whether it only forwards connections."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from harness.ports import port_of
from harness.run.start.listeners import PROC, listeners

FORWARDERS: Final = (
    *("kubectl", "oc", "kubefwd", "k9s", "minikube", "skaffold", "tilt", "devspace", "telepresence", "okteto"),
    *("ssh", "sshd", "sshd-session", "autossh", "stunnel", "stunnel4", "chisel", "cloudflared", "tsh"),
    *("session-manager-plugin", "cloud-sql-proxy", "cloud_sql_proxy"),
    *("docker-proxy", "dockerd", "rootlesskit", "rootlessport", "rootlessport-child", "conmon", "containerd-shim"),
    *(
        "slirp4netns",
        "pasta",
        "pasta.avx2",
        "passt",
        "passt.avx2",
        "gvproxy",
        "vpnkit",
        "com.docker.backend",
        "limactl",
    ),
    *("qemu-system-x86_64", "qemu-system-aarch64"),
    *("socat", "nc", "ncat", "redir", "rinetd", "inetd", "xinetd", "systemd", "systemd-socket-proxyd"),
)
"""Programs that forward connections to a service in a container or on another machine."""
_KEPT: Final = 15
"""Number of characters of a process name that the kernel keeps. Source: Linux, proc(5), /proc/pid/comm."""


class ListeningProcess(NamedTuple):
    """A process of this user that listens at an address.

    Attributes:
        pid: process id.
        name: name of the process in the kernel.
        forwards: whether the program is one of `FORWARDERS`.
    """

    pid: int
    name: str
    forwards: bool


def listening(entry: str, proc: Path = PROC) -> tuple[ListeningProcess, ...]:
    """The processes of this user that listen at the host and port of a URL, or at this port of every address."""
    every = f"http://[::]:{port_of(urlsplit(entry))}"  # it takes connections of IPv4, too
    found = (_process(proc / str(pid)) for pid in sorted(listeners((entry, every), proc)))
    return tuple(one for one in found if one is not None)


def _process(directory: Path) -> ListeningProcess | None:
    """The process of a directory in `/proc`; None if it has ended."""
    try:
        name = directory.joinpath("comm").read_text(encoding="utf-8", errors="replace").strip()
        names = {name, Path(str(directory.joinpath("exe").readlink()).removesuffix(" (deleted)")).name}
    except OSError:
        return None
    known = {one[:_KEPT] for one in FORWARDERS}
    return ListeningProcess(int(directory.name), name, forwards=not known.isdisjoint(one[:_KEPT] for one in names))
