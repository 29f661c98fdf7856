"""Flask that counts what it refuses with prometheus_client, and takes Alertmanager's webhooks as a block list: `python flask_guarded.py PORT [deaf]`.

`deaf`: it takes the webhooks and blocks no client.
"""

import sys

import jwt
from flask import Flask, jsonify, request
from prometheus_client import Counter, generate_latest

PORT, DEAF = int(sys.argv[1]), "deaf" in sys.argv
SECRET = "secret-of-a-test-that-is-long-enough"
REFUSED = Counter("refused", "Requests that were refused.", ["client", "reason"])
app = Flask(__name__)
blocked = set()


@app.before_request
def admit():
    """Refuse who is blocked."""
    if request.remote_addr in blocked and request.path not in {"/metrics", "/alerts"}:
        return jsonify(error="blocked"), 403
    return None


@app.post("/sessions")
def sign_in():
    """A token for the right password."""
    if request.json != {"user": "test-1", "password": "right-1"}:
        REFUSED.labels(request.remote_addr, "password").inc()
        return jsonify(error="no"), 401
    return jsonify(token=jwt.encode({"sub": "test-1"}, SECRET, algorithm="HS256")), 201


@app.get("/orders")
def orders():
    """For signed-in users."""
    try:
        jwt.decode(request.headers.get("authorization", "").removeprefix("Bearer "), SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        REFUSED.labels(request.remote_addr, "token").inc()
        return jsonify(error="no"), 401
    return jsonify([1, 2])


@app.get("/metrics")
def metrics():
    """What was refused."""
    return generate_latest(), 200, {"content-type": "text/plain; version=0.0.4"}


@app.post("/alerts")
def alerts():
    """Block the clients that alerts name."""
    if not DEAF:
        blocked.update(one["labels"]["client"] for one in request.json["alerts"] if one["status"] == "firing")
    return "", 204


@app.delete("/blocked/<client>")
def unblock(client):
    """Let a client in again."""
    blocked.discard(client)
    return "", 204


if __name__ == "__main__":
    from werkzeug.serving import WSGIRequestHandler

    WSGIRequestHandler.log_request = lambda *_: None
    app.run("127.0.0.1", PORT, threaded=True)
