"""What tests of checks have in common: the target file of a shop, handlers that answer in JSON, references to secrets, and a kill."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import yaml

from harness.targets import Target
from tests.builders.database_servers import until
from tests.builders.full_target import NO_SERVICE, loaded
from tests.builders.http_servers import Quiet
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY


class Answers(Quiet, BaseHTTPRequestHandler):
    """Makes a handler that reads bodies as a whole, and answers in JSON."""

    def sent(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers["content-length"] or 0))

    def say(self, status: int, body: object = None, **headers: str) -> None:
        """Answer with bytes as they are, with no body for None, and with JSON for all else."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def shop_of(directory: Path, **sections: Any) -> Target:
    """The target of a shop whose file has these sections too; where they name no entry, no service answers."""
    return loaded(directory, {"name": "shop", "environment": "staging", "entry": NO_SERVICE, **sections})


def secret(directory: Path, name: str, text: str) -> dict[str, str]:
    """A reference to a file with this text."""
    (directory / name).write_text(text, encoding="utf-8")
    return {"file": str(directory / name)}


def s3_keys(directory: Path) -> dict[str, dict[str, str]]:
    """References to the keys of the S3 server of tests."""
    return {
        f"{name}_key": secret(directory, name, key) for name, key in (("access", ACCESS_KEY), ("secret", SECRET_KEY))
    }


def cluster_at(directory: Path, url: str, namespace: str = "shop") -> dict[str, str]:
    """The section `kubernetes` of a target file, for the API server at an address."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "shop", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t0"}}],
        "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "u"}}],
    }
    (directory / "kubeconfig").write_text(yaml.safe_dump(config), encoding="utf-8")
    return {"kubeconfig": str(directory / "kubeconfig"), "context": "shop", "namespace": namespace}


def killed(work: Callable[[], object], begun: Path) -> None:
    """Work in a process of its own that is killed as soon as this file is there."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    until(begun.exists)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
