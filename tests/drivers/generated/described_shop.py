"""A shop with an API description, over HTTP, and a switch for each thing that can be wrong with it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.builders.http_servers import Quiet

_ORDER: Final = {
    "type": "object",
    "required": ["item", "note"],
    "properties": {
        "item": {"type": "integer"},
        "amount": {"type": "integer", "minimum": 1, "maximum": 100},
        "note": {"type": "string", "maxLength": 40},
    },
}
_JSON: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
_REFUSED: Final = {"description": "malformed", "content": {"application/json": {"schema": {"type": "object"}}}}
DESCRIPTION: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/health": {"get": {"responses": {"204": {"description": "healthy"}}}},
        "/orders/{id}": {
            "get": {
                "operationId": "readOrder",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}},
                    {"name": "detail", "in": "query", "schema": {"enum": ["short", "long"]}},
                ],
                "responses": {"200": {"description": "an order", "content": _JSON}, "400": _REFUSED},
            }
        },
        "/orders": {
            "post": {
                "operationId": "createOrder",
                "requestBody": {"required": True, "content": _JSON},
                "responses": {"201": {"description": "created", "content": _JSON}, "422": _REFUSED},
            }
        },
    },
    "components": {"schemas": {"Order": _ORDER}},
}


class Shop(ThreadingHTTPServer):
    """Answers as `DESCRIPTION` says, but for its defect.

    Attributes:
        defect: name of what is wrong; empty: nothing.
        asked: `METHOD target` of each request.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, defect: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.defect = defect
        self.asked: list[str] = []
        self.token = ""

    @property
    def entry(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(Quiet, BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        url = urlsplit(self.path)
        if self._is_shut():
            return
        if url.path == "/health":
            self._answer(204, b"", "")
            return
        number = re.fullmatch(r"/orders/([+-]?\d+)", unquote(url.path))
        detail = parse_qs(url.query, keep_blank_values=True).get("detail", ["short"])
        if not number or int(number[1]) < 1 or detail not in (["short"], ["long"]):
            self._refuse(400)
            return
        order: dict[str, Any] = {"item": 1, "amount": 1, "note": "one"}
        if self.server.defect == "a field of the wrong type" and int(number[1]) > 1000:
            order["item"] = "many"
        if self.server.defect == "an undocumented status" and detail == ["long"]:
            self._json(206, order)
        elif self.server.defect == "another media type":
            self._answer(200, json.dumps(order).encode(), "text/html")
        else:
            self._json(200, order)

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path == "/sessions":
            self._json(201, {"token": "a-token"})
            return
        if self._is_shut():
            return
        try:
            order = json.loads(body)
        except ValueError:
            order = None
        wrong = self._wrong(order)
        if wrong and not (self.server.defect == "malformed is accepted" and wrong == "amount"):
            self._refuse(500 if self.server.defect == "5xx of malformed" and wrong == "note" else 422)
        elif (self.server.defect == "5xx of an emoji" and any(ord(one) > 0xFFFF for one in order["note"])) or (
            self.server.defect == "5xx above int32" and order["item"] >= 2**31
        ):
            self._answer(500, b"Internal Server Error", "text/plain")
        else:
            self._json(201, order if not wrong else {"item": 1, "note": ""})

    def do_DELETE(self) -> None:
        self.server.asked.append(f"DELETE {self.path}")
        self._answer(204, b"", "")

    @staticmethod
    def _wrong(order: Any) -> str:
        """The property that is malformed, or `body`; empty: none."""
        if not isinstance(order, dict):
            return "body"
        item, amount, note = order.get("item"), order.get("amount", 1), order.get("note")
        if not isinstance(note, str) or len(note) > 40:
            return "note"
        if isinstance(item, bool) or not isinstance(item, int | float) or item != int(item):
            return "item"
        return "" if isinstance(amount, int | float) and 1 <= amount <= 100 and amount == int(amount) else "amount"

    def _is_shut(self) -> bool:
        if self.server.token and self.headers.get("authorization") != f"Bearer {self.server.token}":
            self._json(401, {})
            return True
        statuses = {"429": 429, "404": 404, "401": 401}
        if self.server.defect in statuses:
            self._json(statuses[self.server.defect], {})
            return True
        if self.server.defect == "silent":
            self.close_connection = True
            return True
        return False

    def _refuse(self, status: int) -> None:
        self._json(status, {"error": "malformed"})

    def _json(self, status: int, content: Any) -> None:
        self._answer(status, json.dumps(content).encode(), "application/json; charset=utf-8")

    def _answer(self, status: int, body: bytes, media: str) -> None:
        self.send_response(status)
        if media:
            self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(defect: str = "") -> Iterator[Shop]:
    """A shop that runs."""
    shop = Shop(defect)
    thread = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield shop
    finally:
        shop.shutdown()
        thread.join()
        shop.server_close()
