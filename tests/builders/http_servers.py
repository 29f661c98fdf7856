"""HTTP servers of tests: each listens on a port of its own for the length of a `with` block."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Quiet:
    """Makes a handler that writes no access log."""

    def log_message(self, *_: object) -> None:
        """Drop it."""


@contextmanager
def serving(
    handler: Callable[..., BaseHTTPRequestHandler], address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server of this handler: its URL, without a path."""
    with ThreadingHTTPServer((address, 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'http' if tls is None else 'https'}://{address}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def answering(answers: Iterable[tuple[int, Any]]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers to GET, POST and PATCH, one after the other: its URL, and the paths that were requested.

    answers: status, and the body as bytes or as what becomes JSON.
    """
    left, requests = iter(answers), list[str]()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            status, body = next(left)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_PATCH(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_POST(self) -> None:
            self.do_PATCH()

    with serving(Handler) as url:
        yield url, requests
