"""Two Flask services behind nginx: `python flask_behind_nginx.py auth|shop PORT DIRECTORY`.

`auth` signs users in and says whether a token is right. `shop` checks tokens by itself, unless DIRECTORY has the file `trusts-all`.
"""

import sys
from pathlib import Path

import jwt
from flask import Flask, jsonify, request

KIND, PORT, DIRECTORY = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
SECRET = "secret-of-a-test-that-is-long-enough"
app = Flask(__name__)


def is_right(header):
    """Whether the header has a right token."""
    try:
        jwt.decode((header or "").removeprefix("Bearer "), SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return False
    return True


if KIND == "auth":

    @app.post("/sessions")
    def sign_in():
        """A token for the right password."""
        if request.json != {"user": "test-1", "password": "right-1"}:
            return jsonify(error="no"), 401
        return jsonify(token=jwt.encode({"sub": "test-1"}, SECRET, algorithm="HS256")), 201

    @app.get("/verify")
    def verify():
        """Whether the token is right."""
        return ("", 200) if is_right(request.headers.get("authorization")) else ("", 401)

else:

    @app.get("/orders")
    def orders():
        """For signed-in users."""
        if not is_right(request.headers.get("authorization")) and not (DIRECTORY / "trusts-all").exists():
            return jsonify(error="no"), 401
        return jsonify([1, 2])

    @app.after_request
    def served(response):
        """Says that the shop answered."""
        response.headers["x-served-by"] = "shop"
        return response


if __name__ == "__main__":
    from werkzeug.serving import WSGIRequestHandler

    WSGIRequestHandler.log_request = lambda *_: None
    app.run("127.0.0.1", PORT, threaded=True)
