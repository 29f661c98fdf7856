"""A service as somebody's own may be, of the standard library: `python small_service.py PORT [HOST [WORD…]]`; `shared`, `titled`."""

import ctypes
import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


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


class Server(ThreadingHTTPServer):
    """One of several processes on its port where a word of the command says `shared`."""

    allow_reuse_port = "shared" in sys.argv
    address_family = socket.AF_INET6 if ":" in "".join(sys.argv[2:3]) else socket.AF_INET


def title(name: bytes) -> None:
    """Write over the command line, as servers do that show their state in it."""
    words = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begins, ends = int(words[45]), int(words[46])  # Linux, proc(5): arg_start, arg_end
    ctypes.memmove(begins, name.ljust(ends - begins, b"\0"), ends - begins)


if __name__ == "__main__":
    with Server(("".join(sys.argv[2:3]) or "127.0.0.1", int(sys.argv[1])), Orders) as server:
        if "titled" in sys.argv:
            title(b"shop: serving")
        print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
        server.serve_forever()
