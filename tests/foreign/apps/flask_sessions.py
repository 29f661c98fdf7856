"""Flask with sessions in the process, or in a cluster of the Redis protocol. Words: its address, and the hosts of the cluster's servers; none: in the process."""

from __future__ import annotations

import secrets
import sys

from flask import Flask, Response, redirect, request
from redis.backoff import ConstantBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from werkzeug.wrappers import Response as AnyResponse

app = Flask(__name__)
STORE: dict[str, str] = {}
HOSTS = [ClusterNode(host, 6379) for host in sys.argv[2:]]
CACHE = (
    RedisCluster(startup_nodes=HOSTS, retry=Retry(ConstantBackoff(0.1), 3), decode_responses=True) if HOSTS else None
)


def kept(key: str) -> str | None:
    """Whose session it is."""
    found = STORE.get(key) if CACHE is None else CACHE.get(key)
    return str(found) if found else None


@app.post("/login")
def log_in() -> Response:
    """A session for whoever knows the password of all."""
    said = request.get_json()
    if said["password"] != "open":
        return Response("no", 401)
    key = secrets.token_urlsafe(16)
    if CACHE is None:
        STORE[key] = said["user"]
    else:
        CACHE.set(key, said["user"])
    answer = Response("welcome")
    answer.set_cookie("sid", key)
    return answer


@app.get("/login")
def form() -> str:
    """The page of the sign-in."""
    return "sign in"


@app.get("/account")
def account() -> AnyResponse:
    """For the signed-in alone; others are led to the sign-in, as a page of people does."""
    name = kept(request.cookies.get("sid", "nothing"))
    return Response(name) if name else redirect("/login?next=account")


app.run(host=sys.argv[1], port=8080)
