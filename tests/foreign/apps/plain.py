"""Small services of the standard library: `python plain.py PORT KIND`, where KIND is a function below."""

import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

ITEMS = [{"id": number, "title": f"item {number}"} for number in range(20)]


class Service(BaseHTTPRequestHandler):
    """JSON at /, /health and /items; the kinds differ from it in one thing each."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def do_GET(self):
        """What `routes` says, else 404."""
        status, body, *headers = self.routes(self.path.partition("?")[0])
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "text/html" if isinstance(body, bytes) else "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def routes(self, path):
        """Status, body, and headers of an answer to GET."""
        known = {"/": {"service": "items"}, "/health": {"status": "ok"}, "/items": ITEMS}
        return (200, known[path]) if path in known else (404, {"error": "not found"})

    def log_message(self, *_):
        """Say nothing."""


class Redirects(Service):
    """The root leads to a page, and a path without a slash to the one with it."""

    def routes(self, path):
        pages = {"/home": b"<h1>Items</h1>", "/items/": ITEMS, "/healthz": {"status": "ok"}}
        if path in pages:
            return 200, pages[path]
        leads = {"/": "/home", "/items": "/items/"}
        return (302, b"", ("Location", leads[path])) if path in leads else (404, b"not found")


class Spring(Service):
    """A context path, a health of its own, and the document where a framework puts it."""

    def routes(self, path):
        reads = {
            "/shop/actuator/health": {"status": "UP"},
            "/shop/api/orders": [{"id": 1}],
            "/shop/api/orders/1": {"id": 1, "total": 12.5},
            "/shop/v3/api-docs": {
                "openapi": "3.0.1",
                "info": {"title": "Shop", "version": "1"},
                "servers": [{"url": f"http://{self.headers['Host']}/shop"}],
                "paths": {
                    "/api/orders": {
                        "get": {"operationId": "listOrders", "responses": {"200": {"description": "OK"}}},
                        "post": {
                            "operationId": "createOrder",
                            "requestBody": {"required": True, "content": {"application/json": {}}},
                            "responses": {"201": {"description": "Created"}},
                        },
                    },
                    "/api/orders/{id}": {
                        "get": {
                            "operationId": "getOrder",
                            "parameters": [
                                {
                                    "name": "id",
                                    "in": "path",
                                    "required": True,
                                    "schema": {"type": "integer"},
                                    "example": 1,
                                }
                            ],
                            "responses": {"200": {"description": "OK"}},
                        }
                    },
                },
            },
        }
        return (200, reads[path]) if path in reads else (404, {"status": 404, "error": "Not Found", "path": path})


class Closing(Service):
    """Each connection is closed after its answer, and everything but the health needs a bearer token."""

    def routes(self, path):
        if path == "/status":
            return 200, {"status": "ok"}, ("Connection", "close")
        if self.headers.get("Authorization") != "Bearer secret-of-a-test":
            return 401, {"error": "sign in"}, ("WWW-Authenticate", "Bearer"), ("Connection", "close")
        return (*super().routes(path), ("Connection", "close"))


class Limited(Service):
    """Forty requests a second, then 429."""

    lock, since, sent = threading.Lock(), 0, 0

    def routes(self, path):
        with Limited.lock:
            second = int(time.monotonic())
            Limited.since, Limited.sent = second, 1 if Limited.since != second else Limited.sent + 1
            over = Limited.sent > 40
        limit = ("RateLimit-Limit", "40"), ("RateLimit-Policy", "40;w=1")
        return (429, {"error": "slow down"}, *limit, ("Retry-After", "1")) if over else (*super().routes(path), *limit)


class Large(Service):
    """A read of a megabyte."""

    MUCH = {"rows": ["x" * 1000] * 1000}

    def routes(self, path):
        return (200, self.MUCH) if path == "/" else super().routes(path)


class Late(Service):
    """Every read takes 450 ms."""

    def routes(self, path):
        time.sleep(0.0 if path == "/health" else 0.45)
        return super().routes(path)


class Failing(Service):
    """One read of ten fails."""

    def routes(self, path):
        return (500, {"error": "oops"}) if path != "/health" and random.random() < 0.1 else super().routes(path)


class Released(Service):
    """Each answer names the release."""

    def routes(self, path):
        return (*super().routes(path), ("X-App-Version", "3.2.1"), ("Server-Timing", "app;dur=1"))


class TwoReleases(Service):
    """Every other answer is of another release, as of a roll-out that stopped half way."""

    turn = count()

    def routes(self, path):
        return (*super().routes(path), ("X-Release", f"2.{next(self.turn) % 2}.0"))


class SlowStart(Service):
    """Answers 503 for the first five seconds after it listens."""

    began = time.monotonic()

    def routes(self, path):
        warm = time.monotonic() - self.began > 5
        return super().routes(path) if warm else (503, {"error": "starting"}, ("Retry-After", "5"))


class Sluggish(Service):
    """Takes 25 s until it listens: `main` waits."""


KINDS = {kind.__name__.lower(): kind for kind in (Service, *Service.__subclasses__())}

if __name__ == "__main__":
    port, kind = int(sys.argv[1]), sys.argv[2]
    if kind == "sluggish":
        time.sleep(25)
    ThreadingHTTPServer.request_queue_size = 128
    with ThreadingHTTPServer(("127.0.0.1", port), KINDS[kind]) as server:
        server.serve_forever()
