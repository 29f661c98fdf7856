"""A service as somebody's own may be, in twenty lines of the standard library: `python small_service.py PORT`."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Orders(BaseHTTPRequestHandler):
    """Reads and one write."""

    protocol_version = "HTTP/1.1"

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """The root, /healthz and /orders/N; everything else is not there."""
        known = self.path in {"/", "/healthz"} or self.path.startswith("/orders/")
        self._answer(200 if known else 404, {"id": 1} if known else {"error": "not found"})

    def do_POST(self) -> None:
        """An order."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(201, {"id": 7})

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Orders) as server:
        print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
        server.serve_forever()
