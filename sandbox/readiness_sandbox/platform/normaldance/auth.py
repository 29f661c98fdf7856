"""auth-service: the platform's OpenID provider, one issuer for all regions (`identity`)."""

from __future__ import annotations

import os
import sys

from aiohttp import web

from .atrest import columns_from_env
from .defects import Defects
from .identity import unconfigured
from .identity.blocking import BlockKeeper
from .identity.browser import Browsers
from .identity.grants import Grants
from .identity.keys import TokenSigner
from .identity.people import People
from .identity.signing import AuthorizationForm
from .identity.standing import StandingAnswer
from .kit import queries
from .kit.app import ENVELOPE, Handler, build, no_dependencies, serve
from .kit.postgres import DatabaseRouter
from .kit.settings import PodSettings
from .trust import blocks
from .trust.access import Ownership, ProviderAccess
from .trust.checking import PATH, TokenCheck
from .trust.defects import TrustDefects
from .trust.door import EXCHANGE, own_origins
from .trust.limits import SPEND, BucketKeeper
from .trust.record import RECORD, AccessRecord
from .trust.rules import AUTH_RULES


def application(settings: PodSettings, database: DatabaseRouter, signer: TokenSigner) -> web.Application:
    """The service on `database`, for the issuer of the signer."""
    defects, trust, record = Defects.from_env(), TrustDefects.from_env(), AccessRecord()
    check = TokenCheck(signer.issuer, trust)
    access = ProviderAccess(check, trust)
    grants = Grants(database, signer, record)
    form = AuthorizationForm(database, signer.issuer, record)
    browsers = Browsers(database, signer, access, record, own_origins())
    people = People(database, access, Ownership(trust), record, columns_from_env(database))
    handlers: dict[str, Handler] = {
        "discovery": grants.discovery,
        "jwks": grants.jwks,
        "token": grants.token,
        "revoke": grants.revoke,
        "introspect": grants.introspect,
        "authorize": form.authorize,
        "authorize-form": form.authorize_form,
        "userinfo": browsers.userinfo,
        "log-in": browsers.log_in,
        "log-out": browsers.log_out,
        "read-account": browsers.account,
        "sign-up": people.sign_up,
        "change-password": people.change_password,
        "delete-user": people.delete_user,
        "list-users": people.users,
        "set-roles": people.set_roles,
        "set-disabled": people.set_disabled,
    }
    routes = [web.route(rule.method, rule.path, handlers[rule.name]) for rule in AUTH_RULES]
    routes += [web.get(PATH, StandingAnswer(database, signer).standing), web.post(EXCHANGE, browsers.exchange)]
    routes.append(web.post(SPEND, BucketKeeper(database).spend))
    ready = no_dependencies if defects.always_ready else database.ask
    app = build(settings, routes, lifespan=database.held, check=ready)
    app[RECORD] = record
    app[ENVELOPE].registry.register(record.counter)
    app[ENVELOPE].histograms.append(queries.SECONDS)
    app.cleanup_ctx.extend((check.watched, browsers.remembered))
    if blocks.is_on():
        app.cleanup_ctx.append(BlockKeeper(database).watched)
    return app


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("auth-service")
    if sys.argv[1:] == ["default-admin"] and "ISSUER" not in os.environ:
        return serve(unconfigured.application(settings), settings)
    signer = TokenSigner.from_text(os.environ["ISSUER"], os.environ["SIGNING_KEYS"])
    return serve(application(settings, DatabaseRouter.from_env(), signer), settings)


if __name__ == "__main__":
    main()
