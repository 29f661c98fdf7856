"""A small shop on the sandbox's API and a plain service, watched from outside: what an experiment really did to them."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, cast

import httpx
import yaml

from harness import clock
from tests.sandbox.pocket import PocketCluster, running, server_container

Object = dict[str, Any]
State = dict[str, Any]
"""What is there at a moment, by name: the spec of an object, uid and readiness of a pod, the status that the service answers."""

LOOK_S: Final = 0.1
BACK_WITHIN_S: Final = 90.0
TOKEN: Final = "open-sesame"
_SHOP: Final = "shop"
COLLECTIONS: Final = {
    "deployments": "/apis/apps/v1/namespaces/shop/deployments",
    "statefulsets": "/apis/apps/v1/namespaces/shop/statefulsets",
    "services": "/api/v1/namespaces/shop/services",
    "secrets": "/api/v1/namespaces/shop/secrets",
    "networkpolicies": "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies",
    "ingresses": "/apis/networking.k8s.io/v1/namespaces/shop/ingresses",
    "networkchaos": "/apis/chaos-mesh.org/v1alpha1/namespaces/shop/networkchaos",
    "stresschaos": "/apis/chaos-mesh.org/v1alpha1/namespaces/shop/stresschaos",
    "nodes": "/api/v1/nodes",
    "pods": "/api/v1/namespaces/shop/pods",
}
SERVICE_S: Final = 0.01
_PODS: Final = "/api/v1/namespaces/shop/pods"
_OWN: Final = ("name", "namespace", "labels")

SERVICE: Final = """
import http.server, os, pathlib
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        refused = self.path == "/private" and self.headers.get("Authorization") != "Bearer TOKEN"
        status = 401 if refused else 200 if os.path.exists("svc/up") else 503
        body = b"ok" if status == 200 else b"closed"
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        self.send_response(503); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
server = Server(("127.0.0.1", PORT), Shop)
pathlib.Path("svc/pid").write_text(str(os.getpid()))
server.serve_forever()
"""
TOOLS: Final = """
import os
def is_ok(value):
    return value["status"] == 200 and value["body"] == "ok"
def state():
    return "open" if os.path.exists("svc/up") else "closed"
"""
NOTES: Final = """
from pathlib import Path
def before_activity_control(context, **_):
    with Path("notes.txt").open("a") as file:
        file.write(context["name"] + "\\n")
"""


def workload(kind: str, name: str, replicas: int, **spec: Any) -> Object:
    """A Deployment or StatefulSet of servers."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [server_container()]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def _parted(name: str) -> Object:
    cache, web = ({"mode": "all", "selector": {"labelSelectors": {"app": app}}} for app in ("cache", "web"))
    spec = {"action": "partition", "direction": "both", **cache, "target": web}
    return {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos", "metadata": {"name": name}, "spec": spec}


KEY: Final[Object] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "a"}}
LONELY: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "lonely", "labels": {"app": "lonely"}},
    "spec": {"nodeSelector": {"kubernetes.io/hostname": "edge"}, "containers": [server_container()]},
}
WORLD: Final[list[tuple[str, Object]]] = [
    ("deployments", workload("Deployment", "web", 3)),
    ("statefulsets", workload("StatefulSet", "cache", 2, serviceName="cache", podManagementPolicy="Parallel")),
    ("services", {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    ("secrets", KEY),
    (
        "ingresses",
        {
            "metadata": {"name": "door"},
            "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
        },
    ),
    ("networkchaos", _parted("there")),
]


@dataclass
class StockWorld:
    """The cluster, the project with its service, and what was there at first."""

    cluster: PocketCluster
    project: Path
    port: int
    first: State = field(default_factory=dict)
    manifests: dict[str, Object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        of = self.cluster.core.api_client.configuration
        self._api = httpx.Client(
            base_url=of.host,
            headers={"authorization": next(iter(of.api_key.values()))},
            verify=ssl.create_default_context(cafile=of.ssl_ca_cert),
            trust_env=False,
            timeout=30,
        )
        self._entry = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=1)

    @property
    def environment(self) -> dict[str, str]:
        """What an experiment finds, however it is started."""
        own = {"SHOP_URL": f"http://127.0.0.1:{self.port}", "SHOP_TOKEN": TOKEN}
        return {
            **os.environ,
            **own,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "KUBERNETES_CONTEXT": self.cluster.context,
        }

    def ask(self, method: str, path: str, body: Object | None = None, **headers: str) -> Object:
        """What the API server answers; an error for what it refuses."""
        content = None if body is None else json.dumps(body)
        answer = self._api.request(method, path, content=content, headers=headers)
        answer.raise_for_status()
        return cast("Object", answer.json())

    def begin(self) -> None:
        """Make everything, and remember it."""
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": _SHOP}})
        for plural, manifest in WORLD:
            self.ask("POST", COLLECTIONS[plural], manifest)
        self.ask("POST", _PODS, LONELY)
        (self.project / "svc").mkdir(parents=True)
        (self.project / "experiments").mkdir()
        noise = workload("Deployment", "noise", 1)
        for name, text in {
            "pyproject.toml": "",
            "shop.py": SERVICE.replace("PORT", str(self.port)).replace("TOKEN", TOKEN),
            "shop_tools.py": TOOLS,
            "notes_control.py": NOTES,
            "noise.yaml": yaml.safe_dump(noise),
            "key.yaml": yaml.safe_dump(KEY),
            "svc/up": "",
        }.items():
            (self.project / name).write_text(text, encoding="utf-8")
        self._serve()
        assert any(self._is_complete(self.state()) for _ in clock.Deadline.after(BACK_WITHIN_S).ticks(LOOK_S))
        self.first = self.state()
        for plural, path in COLLECTIONS.items():
            if plural == "pods":
                continue
            self.manifests |= {f"{plural} {one['metadata']['name']}": one for one in self.ask("GET", path)["items"]}

    def state(self) -> State:
        """What is there now."""
        found: State = {}
        for plural, path in COLLECTIONS.items():
            found |= dict(filter(None, (entry(plural, one) for one in self.ask("GET", path)["items"])))
        return {**found, **self.service()}

    def service(self) -> State:
        """What the service answers, and its files."""
        files = {f"file {path.name}": True for path in (self.project / "svc").iterdir() if path.name != "pid"}
        return {"service": self._status(), **files}

    def events(self, path: str, since: str) -> Iterator[tuple[str, str, Object]]:
        """The changes of a collection in the next second: kind, version and object of each."""
        with self._api.stream(
            "GET", path, params={"watch": "true", "resourceVersion": since, "timeoutSeconds": "1"}
        ) as lines:
            for line in lines.iter_lines():
                event = json.loads(line)
                yield event["type"], str(event["object"]["metadata"]["resourceVersion"]), event["object"]

    def back(self) -> str:
        """Bring everything back as it was at first, whatever an experiment has left; what was not as before, in words."""
        now = self.state()
        left = "; ".join(differences(self.first, now, ended=False))
        self._repair(now)
        assert any(
            not differences(self.first, self.state(), ended=False)
            for _ in clock.Deadline.after(BACK_WITHIN_S).ticks(LOOK_S)
        ), differences(self.first, self.state(), ended=False)
        return left

    def settled(self) -> list[str]:
        """What is not as at first, once what comes back by itself had the time for it."""
        found: list[str] = []
        for _ in clock.Deadline.after(BACK_WITHIN_S / 3).ticks(LOOK_S):
            if not (found := differences(self.first, self.state(), ended=False)):
                break
        return found

    def _repair(self, now: State) -> None:
        for name in [one for one in now if one.partition(" ")[0] in COLLECTIONS and one not in self.first]:
            plural, _, own = name.partition(" ")
            self.ask("DELETE", f"{COLLECTIONS[plural]}/{own}")
        for name, was in self.first.items():
            plural, _, own = name.partition(" ")
            if plural not in COLLECTIONS or (name in now and now[name]["of"] == was["of"]):
                continue
            manifest = self.manifests[name]
            meta = {key: manifest["metadata"][key] for key in _OWN if key in manifest["metadata"]}
            if name in now:
                version = self.ask("GET", f"{COLLECTIONS[plural]}/{own}")["metadata"]["resourceVersion"]
                body = {**manifest, "metadata": {**meta, "resourceVersion": version}}
                self.ask("PUT", f"{COLLECTIONS[plural]}/{own}", body)
            else:
                self.ask("POST", COLLECTIONS[plural], {**manifest, "metadata": meta})
        for name in [one for one in now if one.startswith("pod ") and not now[one]["ready"]]:
            with suppress(httpx.HTTPStatusError):  # its Deployment has deleted it
                self.ask("DELETE", f"{_PODS}/{name.partition(' ')[2]}", {"gracePeriodSeconds": 0})
        if "pod lonely" not in now:
            self.ask("POST", _PODS, LONELY)
        for path in (self.project / "svc").iterdir():
            if path.name not in ("up", "pid"):
                path.unlink()
        (self.project / "svc" / "up").touch()
        if self._status() == 0:
            self._serve()

    def _serve(self) -> None:
        subprocess.Popen(
            [sys.executable, "shop.py"],
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert any(self._status() for _ in clock.Deadline.after(BACK_WITHIN_S).ticks(LOOK_S))

    def _status(self) -> int:
        try:
            return self._entry.get("/health").status_code
        except httpx.HTTPError:
            return 0

    @staticmethod
    def _is_complete(now: State) -> bool:
        ready = Counter(one["app"] for name, one in now.items() if name.startswith("pod ") and one["ready"])
        return dict(ready) == {"web": 3, "cache": 2, "lonely": 1} and now["service"] == 200

    def close(self) -> None:
        """End the service."""
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int((self.project / "svc" / "pid").read_text()), 9)
        self._api.close()
        self._entry.close()


def _name(plural: str, one: Object) -> str:
    return f"{'pod' if plural == 'pods' else plural} {one['metadata']['name']}"


def entry(plural: str, one: Object) -> tuple[str, Any] | None:
    """An object as a part of a state; None for a pod that terminates."""
    meta = one["metadata"]
    if plural != "pods":
        content = {key: one[key] for key in ("spec", "data") if key in one}
        template = (content.get("spec") or {}).get("template") or {}
        template.get("metadata", {}).pop("annotations", None)  # a restart leaves there when it was, and no more
        return _name(plural, one), {"of": content, "uid": meta["uid"]}
    conditions = one.get("status", {}).get("conditions") or ()
    ready = any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)
    return (
        None
        if meta.get("deletionTimestamp")
        else (_name(plural, one), {"uid": meta["uid"], "ready": ready, "app": meta["labels"]["app"]})
    )


def differences(first: Mapping[str, Any], now: Mapping[str, Any], *, ended: bool) -> list[str]:
    """What differs, in words; `ended`: also pods that ended and were replaced."""
    found = [f"{name} was deleted" for name in first if name not in now and not name.startswith("pod ")]
    for name, was in first.items():
        if name.startswith("pod "):
            if ended and (name not in now or now[name]["uid"] != was["uid"]):
                found.append(f"{name} ended")
            elif name in now and was["ready"] and not now[name]["ready"] and now[name]["uid"] == was["uid"]:
                found.append(f"{name} was not ready")
        elif name in now and name == "service" and now[name] != was:
            found.append(f"the service answered {now[name]}" if now[name] else "the service gave no answer")
        elif name in now and isinstance(was, dict) and now[name]["of"] != was["of"]:
            found.append(f"{name} was changed")
    found += [f"{name} was created" for name in now if name not in first and not name.startswith("pod ")]
    if not ended:  # pods that are ready, and all that are there: where a rollout is under way there are more
        for word, ready in (("ready", (True,)), ("there", (True, False))):
            had, has = (_pods(state, ready) for state in (first, now))
            found += [f"{has[app]} of {had[app]} pods of {app} are {word}" for app in had if has[app] != had[app]]
    return found


def _pods(state: Mapping[str, Any], ready: tuple[bool, ...]) -> Counter[str]:
    """Number of pods by app, of those that are ready or not."""
    return Counter(one["app"] for name, one in state.items() if name.startswith("pod ") and one["ready"] in ready)


class Watched:
    """What differs from the first state while an experiment runs, watched from outside without a gap."""

    def __init__(self, world: StockWorld) -> None:
        self._world = world
        self._before: State = {}
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._watch_service)]
        for plural, path in COLLECTIONS.items():
            listed = world.ask("GET", path)
            self._before |= dict(filter(None, (entry(plural, one) for one in listed["items"])))
            begin = (plural, path, str(listed["metadata"]["resourceVersion"]))
            self._threads.append(threading.Thread(target=self._watch, args=begin))
        self._before |= world.service()
        self._now = dict(self._before)
        self.happened: dict[str, None] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, plural: str, path: str, version: str) -> None:
        """The changes of a collection, to the end of the second in which the experiment ends."""
        ending = False
        while not ending:
            ending = self._stop.is_set()
            for kind, newer, one in self._world.events(path, version):
                version, name = newer, _name(plural, one)
                found = None if kind == "DELETED" else entry(plural, one)
                self._see({name}, {} if found is None else dict([found]))

    def _watch_service(self) -> None:
        """What the service answers, a hundred times a second."""
        while not self._stop.wait(SERVICE_S):
            files = {key for key in self._now if key.startswith("file ")}
            self._see({"service", *files}, self._world.service())

    def _see(self, replaced: set[str], parts: State) -> None:
        with self._lock:
            self._now = {**{key: value for key, value in self._now.items() if key not in replaced}, **parts}
            self.happened |= dict.fromkeys(differences(self._before, self._now, ended=True))

    @property
    def ended(self) -> set[str]:
        """The uids of pods that ended."""
        names = {text.removesuffix(" ended") for text in self.happened if text.endswith(" ended")}
        return {self._before[name]["uid"] for name in names if name in self._before}

    def __str__(self) -> str:
        pods = sum(text.startswith("pod ") and text.endswith(" ended") for text in self.happened)
        unready = sum(text.endswith(" was not ready") for text in self.happened)
        others = [text for text in self.happened if not text.startswith("pod ")]
        counted = [f"{what}: {number}" for number, what in ((pods, "pods ended"), (unready, "pods unready")) if number]
        return "; ".join([*others, *counted]) or "nothing"


@contextmanager
def stock_world(directory: Path, port: int) -> Iterator[StockWorld]:
    """The shop, made, and ended again."""
    with running(directory / "sandbox") as cluster:
        world = StockWorld(cluster, directory / "project", port)
        world.begin()
        try:
            yield world
        finally:
            world.close()
