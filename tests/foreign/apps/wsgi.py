"""Pages of HTML by WSGI and its reference server, HTTP/1.0: `python wsgi.py PORT`."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

PAGES = {"/": b"<!doctype html><title>Shop</title><h1>Shop</h1>", "/up": b"ok"}


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *_):
        """Say nothing."""


def application(environ, start_response):
    """A page, or 404; HEAD is not allowed."""
    if environ["REQUEST_METHOD"] != "GET":
        start_response("405 Method Not Allowed", [("Allow", "GET")])
        return []
    page = PAGES.get(environ["PATH_INFO"])
    start_response("200 OK" if page else "404 Not Found", [("Content-Type", "text/html; charset=utf-8")])
    return [page or b"<h1>not found</h1>"]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), application, handler_class=Quiet) as server:
        server.serve_forever()
