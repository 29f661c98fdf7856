"""A client of a running sandbox: its API, by the kubeconfig it wrote."""

from __future__ import annotations

import base64
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from harness import clock
from harness.errors import SandboxError, UsageError
from readiness_sandbox.apply import replacement
from readiness_sandbox.cluster import kinds
from readiness_sandbox.directory import holder
from readiness_sandbox.progress import RollOut, sentence, workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from readiness_sandbox.cluster.statuses import Object
    from readiness_sandbox.directory import Directory

TIMEOUT_S = 15.0


class Client:
    """Requests to the API of one sandbox; refusals are SandboxErrors."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._served: dict[str, Sequence[Object]] = {}

    def objects(self, name: str) -> Sequence[Object]:
        """All objects of a kind, in all namespaces; the items of a list do not name their kind."""
        kind = kinds.by_name(name)
        items = self._ask("GET", f"{_root(kind.api_version)}/{kind.plural}").json()["items"]
        return [{"kind": kind.kind, "apiVersion": kind.api_version, **each} for each in items]

    def workloads(self) -> Sequence[RollOut]:
        """Every Deployment and StatefulSet."""
        return [workload(each) for name in ("Deployment", "StatefulSet") for each in self.objects(name)]

    def apply(self, objects: Iterable[Object]) -> None:
        """Create what is new, replace what is not."""
        for obj in objects:
            collection = self._collection(obj)
            path = f"{collection}/{obj['metadata']['name']}"
            live = self._http.get(path)
            if live.status_code == 404:
                self._ask("POST", collection, json=obj)
            else:
                self._ask("PUT", path, json=replacement(live.json(), obj))

    def wait(self, seconds: float, say: Callable[[str], None]) -> None:
        """Until every workload is what it asks for. Raises SandboxError after so many seconds."""
        said = ""
        for _ in clock.Deadline.after(seconds).ticks(0.1):
            workloads = self.workloads()
            if (text := sentence(workloads)) != said:
                say(text)
                said = text
            if all(each.settled for each in workloads):
                return
        raise SandboxError(
            f"the sandbox is not ready after {seconds:g} s: {said}", hint="`readiness sandbox status` shows more"
        )

    @contextmanager
    def log(self, namespace: str, pod: str, **query: str) -> Iterator[Iterator[bytes]]:
        """The bytes of a pod's log."""
        path = f"{_root('v1')}/namespaces/{namespace}/pods/{pod}/log"
        with self._http.stream("GET", path, params=query, timeout=None) as response:
            if response.is_error:
                response.read()
                raise _refusal(response)
            yield response.iter_bytes()

    def _collection(self, obj: Object) -> str:
        """The path of the objects of the same kind and namespace, as the API itself tells.

        Raises SandboxError when it serves none.
        """
        version, kind, meta = obj["apiVersion"], obj["kind"], obj["metadata"]
        if version not in self._served:
            answer = self._http.get(_root(version))
            self._served[version] = [] if answer.status_code == 404 else answer.json()["resources"]
        row = next((each for each in self._served[version] if each["kind"] == kind and "/" not in each["name"]), None)
        if row is None:
            raise SandboxError(f"the sandbox does not serve {version} {kind}", where=f"{kind}/{meta['name']}")
        namespace = f"/namespaces/{meta.get('namespace', 'default')}" if row["namespaced"] else ""
        return f"{_root(version)}{namespace}/{row['name']}"

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        response = self._http.request(method, path, **given)
        if response.is_error:
            raise _refusal(response)
        return response


@contextmanager
def connected(directory: Directory) -> Iterator[Client]:
    """A client of the sandbox in that directory.

    Raises UsageError when none runs there, SandboxError when it does not answer.
    """
    if holder(directory) is None or not directory.kubeconfig.exists():
        hint = "start it with `readiness sandbox up`"
        raise UsageError("no sandbox runs in this directory", where=str(directory.root), hint=hint)
    config = yaml.safe_load(directory.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    headers = {"Authorization": f"Bearer {user['token']}"}
    context = ssl.create_default_context(cadata=authority)
    server = cluster["server"]
    with httpx.Client(base_url=server, headers=headers, verify=context, timeout=TIMEOUT_S, trust_env=False) as http:
        try:
            yield Client(http)
        except httpx.TransportError as error:
            raise SandboxError(
                f"the API server of the sandbox does not answer: {error}", where=server, hint=f"see {directory.log}"
            ) from error


def _root(api_version: str) -> str:
    """Where the resources of `v1` or `apps/v1` are served."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _refusal(response: httpx.Response) -> SandboxError:
    try:
        text = str(response.json()["message"])
    except (ValueError, KeyError):
        text = response.text
    return SandboxError(text, where=f"{response.request.method} {response.request.url.path}")
