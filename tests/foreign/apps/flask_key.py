"""Flask: everything below /api needs an API key. `python flask_key.py PORT`."""

import logging
import sys

from flask import Flask, jsonify, request

app = Flask(__name__)
logging.getLogger("werkzeug").disabled = True


@app.before_request
def need_key():
    """403 without the key."""
    if request.path.startswith("/api") and request.headers.get("X-Api-Key") != "key-of-a-test":
        return jsonify(error="forbidden"), 403
    return None


@app.get("/ping")
def ping():
    """Health."""
    return "pong"


@app.get("/api/items")
def items():
    """A list."""
    return jsonify([{"id": 1}])


@app.get("/api/items/<int:number>")
def item(number):
    """One."""
    return jsonify(id=number, title="one")


@app.get("/openapi.json")
def document():
    """As an extension writes it, without a word about the key."""
    answer = {"responses": {"200": {"description": "OK"}}}
    number = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}, "example": 1}
    paths = {"/api/items": {"get": answer}, "/api/items/{number}": {"get": {**answer, "parameters": [number]}}}
    return jsonify(openapi="3.0.3", info={"title": "Items", "version": "1"}, paths={**paths, "/ping": {"get": answer}})


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
