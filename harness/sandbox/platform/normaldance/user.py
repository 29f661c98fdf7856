"""user-service: sign-in and profiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .kit.app import Envelope, body_of, build, serve, text_in
from .kit.passwords import matches
from .kit.postgres import Database, one
from .kit.settings import Settings
from .kit.tokens import issued

if TYPE_CHECKING:
    from starlette.requests import Request


USER = "SELECT name, password, joined FROM users WHERE name = %s"


def application(settings: Settings, database: Database, *, secret: str) -> Envelope:
    """The service on `database`, signing tokens with `secret`."""

    async def sign_in(request: Request) -> Response:
        body = await body_of(request)
        name, password = text_in(body, "user"), text_in(body, "password")
        user = await database.read(one(USER, name))
        if user is None or not matches(password, user["password"]):
            raise HTTPException(401, "no such user, or another password")
        return JSONResponse({"token": issued(name, secret)}, 201)

    async def read_user(request: Request) -> Response:
        user = await database.read(one(USER, request.path_params["name"]))
        if user is None:
            raise HTTPException(404, "no such user")
        return JSONResponse({"name": user["name"], "joined": user["joined"].isoformat()})

    routes = [
        Route("/sessions", sign_in, methods=["POST"]),
        Route("/users/{name}", read_user, methods=["GET"]),
    ]
    return build(settings, routes, lifespan=database.held, check=database.ask)


def main() -> None:
    """Serve as a pod."""
    settings = Settings.from_env("user-service")
    serve(application(settings, Database.from_env(), secret=os.environ["TOKEN_SECRET"]), settings)


if __name__ == "__main__":
    main()
