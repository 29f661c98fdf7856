"""What a pod has of its ServiceAccount: the three files, a token that is replaced in time, and a kubeconfig for programs that take no files.

Two stated deviations from Kubernetes: the volume is not in the pod's spec, and its path is there only in containers with a mount namespace
(`containment`); elsewhere a text that starts with the path is rewritten, as with every volume.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster import kubeconfig
from readiness_sandbox.cluster.authorization.accounts import ACCOUNT, LIFE_S
from readiness_sandbox.cluster.kubelet.environment import ConfigError
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.tls import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from readiness_sandbox.cluster.authorization.accounts import Accounts
    from readiness_sandbox.cluster.kubelet.environment import Mounts
    from readiness_sandbox.cluster.statuses import Object
    from readiness_sandbox.cluster.store import Store

MOUNTED: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
RENEWED_AT: Final = 0.8
"""Part of its life after which a token is replaced, as kubelets do."""
KUBECONFIG_LIFE_S: Final = 365 * 86_400
"""Of the token in a kubeconfig, which nothing replaces; it ends with the pod."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountFiles:
    """Writes the files. `server` is the address of the API server, `authority` the certificate to trust."""

    store: Store
    accounts: Accounts
    host: str
    port: int
    authority: bytes
    life_s: int = LIFE_S

    @property
    def variables(self) -> dict[str, str]:
        """The address of the API server, which every pod has among its variables."""
        port = str(self.port)
        return {
            "KUBERNETES_SERVICE_HOST": self.host,
            "KUBERNETES_SERVICE_PORT": port,
            "KUBERNETES_SERVICE_PORT_HTTPS": port,
        }

    def write(self, pod: Object, directory: Path) -> float | None:
        """Write the files; when to write them again, in seconds of the clock; None for a pod without them.

        Raises:
            ConfigError: the ServiceAccount that the pod names does not exist.
        """
        account = self._account(pod)
        if account is None or not _mounts(pod, account):
            return None
        token, _ = self.accounts.sign(account, pod=pod, life_s=self.life_s)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in (
            ("ca.crt", self.authority),
            ("namespace", pod["metadata"]["namespace"].encode()),
            ("token", token.encode()),
        ):
            part = directory / f".{name}"
            write_private(part, content)
            part.replace(directory / name)
        return clock.now_s() + RENEWED_AT * self.life_s

    def write_kubeconfig(self, pod: Object, path: Path) -> None:
        """Write a kubeconfig with a token of the pod's account, if the account is there."""
        account = self._account(pod)
        if account is not None:
            token, _ = self.accounts.sign(account, pod=pod, life_s=KUBECONFIG_LIFE_S)
            server, namespace = f"https://{self.host}:{self.port}", pod["metadata"]["namespace"]
            kubeconfig.write(path, server=server, authority=self.authority, token=token, namespace=namespace)

    def _account(self, pod: Object) -> Object | None:
        """The pod's account; None while that of the namespace, which no pod names, is not there yet."""
        named = pod["spec"].get("serviceAccountName", "")
        try:
            return self.store.get(ACCOUNT, pod["metadata"]["namespace"], named or "default")
        except StatusError:
            if named in ("", "default"):
                return None
            raise ConfigError(f'serviceaccount "{named}" not found') from None


def _mounts(pod: Object, account: Object) -> bool:
    """Whether the files are mounted: what the pod says counts before what its account says."""
    for said in (pod["spec"].get("automountServiceAccountToken"), account.get("automountServiceAccountToken")):
        if said is not None:
            return bool(said)
    return True


class PodAccount:
    """The account of one pod, whose files are below its directory."""

    def __init__(self, files: AccountFiles, root: Path) -> None:
        self._files = files
        self._root = root
        self._directory = root / "serviceaccount"
        self._due_s: float | None = None

    def mount(self, pod: Object, mounted: Mounts) -> tuple[Mounts, dict[str, str]]:
        """Write the files; the mounts with theirs, and what is bound in a mount namespace. Raises ConfigError."""
        self._due_s = self._files.write(pod, self._directory)
        if self._due_s is None or any(path == MOUNTED for path, _ in mounted):
            return mounted, {}
        return (*mounted, (MOUNTED, self._directory)), {MOUNTED: str(self._directory)}

    def variables(self, pod: Object) -> dict[str, str]:
        """Where the API server is, and a kubeconfig where the pod names an account. Raises ConfigError."""
        if not pod["spec"].get("serviceAccountName"):
            return self._files.variables
        mine = self._root / "kubeconfig"
        self._files.write_kubeconfig(pod, mine)
        return {**self._files.variables, "KUBECONFIG": str(mine)}

    def renew(self, pod: Object) -> None:
        """Replace the token when it is time."""
        if self._due_s is not None and clock.now_s() >= self._due_s:
            with suppress(ConfigError):  # its account is gone, and so is the token's use
                self._due_s = self._files.write(pod, self._directory)
