"""Starlette with its own sessions, which are signed cookies: a sign-out deletes the cookie, and nothing else. `starlette_sessions.py PORT`."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LIFETIME_S = 6


async def form(request: Request) -> Response:
    """The page before the sign-in, which begins a session."""
    request.session["seen"] = True
    return JSONResponse({"form": True})


async def sign_in(request: Request) -> Response:
    """By a form, as a page sends it."""
    fields = (await request.body()).decode()
    if fields != "email=test-viewer&secret=open-test-viewer":
        return Response(status_code=401)
    request.session["user"] = "test-viewer"
    return Response(status_code=303, headers={"location": "/account"})


async def sign_out(request: Request) -> Response:
    """Delete the cookie."""
    request.session.clear()
    return Response(status_code=204)


async def account(request: Request) -> Response:
    """What only a signed-in user gets."""
    return JSONResponse({"user": request.session["user"]}) if "user" in request.session else Response(status_code=401)


app = Starlette(
    routes=[
        Route("/login", form),
        Route("/login", sign_in, methods=["POST"]),
        Route("/logout", sign_out, methods=["POST"]),
        Route("/account", account),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key="of a test", max_age=LIFETIME_S, https_only=True)],
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
