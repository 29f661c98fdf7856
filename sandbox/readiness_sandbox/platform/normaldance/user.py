"""user-service: sign-in and profiles."""

from __future__ import annotations

import os
import sys

from aiohttp import web

from .activity import Activity
from .atrest import columns_from_env, contacts_from_env
from .auditing.export import PersonExport
from .auditing.refusals import PATH, RefusalEntries, enter_alone
from .defects import Defects
from .engagement import UserCounter
from .group import PodGroup
from .kit import audit, queries
from .kit.app import ENVELOPE, RequestRefused, Unavailable, answer, body_of, build, no_dependencies, serve, text_in
from .kit.passwords import matches
from .kit.postgres import DatabaseRouter, one
from .kit.settings import PodSettings
from .kit.tokens import issued
from .profile import UserProfiles
from .trust.access import Ownership, access_from_env
from .trust.checking import has_provider
from .trust.defects import TrustDefects
from .trust.provider import SignInProvider

USER = "SELECT name, joined FROM users WHERE name = %s"
PASSWORD = "SELECT name, password FROM users WHERE name = %s"  # noqa: S105 - a query


def application(settings: PodSettings, database: DatabaseRouter, *, secret: str) -> web.Application:
    """The service on `database`, signing tokens with `secret` where the platform has no identity provider."""
    sign_ins = UserCounter("user_sign_ins_total", "Users signed in.")
    defects = Defects.from_env()
    activity = Activity(database, defects.active_users)
    provider = SignInProvider.from_env() if has_provider() else None
    access = access_from_env(secret)
    group = PodGroup(database, f"{settings.region}/user-service", settings.pod, defects.regroups_s)

    async def sign_in(request: web.Request) -> web.Response:
        if defects.refuses_sign_in:
            raise Unavailable("no session can be kept")
        group.admit()
        body = await body_of(request)
        name, password = text_in(body, "user"), text_in(body, "password")
        token = await (own_token(name, password) if provider is None else provider.token(name, password))
        audit.by(request.headers, "sign-in", name)
        await enter_alone(database)
        sign_ins.add()
        activity.signed_in(name)
        return answer({"token": token}, 201)

    async def own_token(name: str, password: str) -> str:
        user = await database.read(one(PASSWORD, name))
        if user is None or not matches(password, user["password"]):
            raise RequestRefused(401, "no such user, or another password")
        return issued(name, secret)

    async def read_user(request: web.Request) -> web.Response:
        user = await database.read(one(USER, request.match_info["name"]))
        if user is None:
            raise RequestRefused(404, "no such user")
        return answer({"name": user["name"], "joined": user["joined"].isoformat()})

    ownership, columns = Ownership(TrustDefects.from_env()), columns_from_env(database)
    routes = [
        web.post("/sessions", sign_in),
        web.get("/users/{name}", read_user),
        *contacts_from_env(database, access, ownership),
    ]
    if provider is not None:
        routes += UserProfiles(database, access, ownership, columns).routes()
    if audit.is_on():
        routes += [
            PersonExport(database, access, ownership, columns).route(),
            web.post(PATH, RefusalEntries(database).enter),
        ]
    check = no_dependencies if defects.always_ready else database.ask
    app = build(settings, routes, lifespan=database.held, check=check)
    app[ENVELOPE].registry.register(sign_ins.counter)
    app[ENVELOPE].registry.register(activity.gauge)
    app.cleanup_ctx.append(access.watched)
    if provider is not None:
        app.cleanup_ctx.append(provider.reached)
    app.cleanup_ctx.extend((activity.counted, group.watched))  # end before the database's connections do
    app[ENVELOPE].histograms.append(queries.SECONDS)
    return app


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("user-service")
    if Defects.from_env().logs_password:
        sys.stderr.write(f"connecting as {os.environ['PGUSER']} with {os.environ['PGPASSWORD']}\n")
    if os.environ.get("DEFECT_LOGS_SECRET") == "yes":  # planted, as the defects of `defects`
        sys.stderr.write(f"user-service: signing with {os.environ['TOKEN_SECRET']}\n")
    serve(application(settings, DatabaseRouter.from_env(), secret=os.environ["TOKEN_SECRET"]), settings)


if __name__ == "__main__":
    main()
