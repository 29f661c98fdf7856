"""Layers, authentication and attacks where the platform redirects, limits sign-ins, or answers nothing: no verdict rests on what was not seen."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from harness import clock
from harness.drivers.check.attacks.attacked import forged_tokens
from harness.drivers.check.layers.down import authentication_down
from harness.drivers.check.layers.foreign import Fate, ForeignCaller
from harness.drivers.check.layers.switches import switched_off
from harness.drivers.check.planted.calls import CallMaker
from harness.targets import Target
from harness.targets.files.attacks import ForeignCall, Switch
from harness.targets.files.planted import DeclaredCall
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, secret, shop_of

ORDERS = {"call": "GET /orders"}


class Shop:
    """How the shop behaves.

    Attributes:
        foreign: status of its answers without a valid token. most: right sign-ins that are let in; later ones get 429.
        form: whether sign-ins are forms. tokens: number of sign-ins.
    """

    def __init__(self, *, foreign: int = 401, most: int = 10**6, form: bool = False) -> None:
        self.foreign, self.most, self.form, self.signed_in = foreign, most, form, 0

    def sign_in(self, body: bytes, media: str) -> tuple[int, Any]:
        """The answer to a sign-in."""
        if self.form != (media == "application/x-www-form-urlencoded"):
            return 422, {}
        given = {key: one[0] for key, one in parse_qs(body.decode()).items()} if self.form else json.loads(body)
        if given["password"] != "p":
            return 401, {}
        self.signed_in += 1
        return (200, {"token": "a.b.right"}) if self.signed_in <= self.most else (429, {})


@contextmanager
def serve(shop: Shop, directory: Path, **more: Any) -> Iterator[Target]:
    """A target of the shop, whose Prometheus knows no alert."""

    class Handler(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/v1/"):
                none = {"alerts": [], "resultType": "vector", "result": []}
                return self.say(200, {"status": "success", "data": none})
            right = self.headers.get("authorization") == "Bearer a.b.right"
            return self.say(200 if right else shop.foreign, {}, location="/sign-in")

        def do_POST(self) -> None:
            self.say(*shop.sign_in(self.sent(), self.headers["content-type"]))

    sign_in = {
        "path": "/sessions",
        "user": "test-1",
        "password": secret(directory, "password", "p"),
        "body": "form" if shop.form else "json",
    }
    with serving(Handler) as url:
        yield shop_of(directory, disposable=True, entry=url, prometheus=url, sign_in=sign_in, **more)


@pytest.mark.parametrize(("status", "fate"), [(200, Fate.LET_IN), (302, Fate.UNKNOWN), (401, Fate.REFUSED)])
def test_a_redirect_to_a_sign_in_lets_nobody_in(tmp_path: Path, status: int, fate: Fate) -> None:
    """Only 2xx lets a foreign call in; a redirect is no evidence."""
    with serve(Shop(foreign=status), tmp_path) as target:
        call = ForeignCall(outside=DeclaredCall(call="GET /orders", by="none"))
        assert ForeignCaller(target=target, refused=(401,)).foreign([call])[0].fate is fate


def test_a_limit_of_sign_ins_is_not_authentication_that_is_down(tmp_path: Path) -> None:
    """The switch does nothing; after three sign-ins the next get 429, which a service that is up answers."""
    switch = {"command": {"disable": ["true"], "enable": ["true"]}}
    layers = {"within": "1 s", "authentication": {"disable": [switch], "protected": [ORDERS]}}
    with serve(Shop(most=3), tmp_path, layers=layers) as target:
        found = {one.subject: one for one in authentication_down(target, {"down": "1 s"})()}
    assert found["authentication is down"].ok is None
    assert "GET /orders by none, while authentication is down" not in found


def test_an_attack_that_no_service_answered_need_raise_no_alert(tmp_path: Path) -> None:
    """Each request of the burst gets 503: that the alert is silent is no defect; of requests that are refused it is one."""
    attacks = {
        "alerts": {"forged-tokens": "RefusedTokens"},
        "protected": ORDERS,
        "clients": ["127.0.0.1"],
        "calls": 5,
        "quiet": "0.1 s",
    }
    silent = {}
    for status in (503, 401):
        with serve(Shop(foreign=status), tmp_path, attacks=attacks) as target:
            silent[status] = forged_tokens(target, {"bursts": "1", "limit": "1 s"})()[-1].ok
    assert silent == {503: None, 401: False}


def test_users_sign_in_by_a_form_where_the_platform_has_one(tmp_path: Path) -> None:
    """As the password flow of OAuth 2 has it; a wrong password is written as a form too."""
    with serve(Shop(form=True), tmp_path) as target:
        maker = CallMaker(target=target)
        assert maker.token() == "a.b.right"
        wrong = DeclaredCall(call="POST /sessions", by="wrong-password")
        assert maker.send([wrong])[0].answer.status == 401


def test_a_command_that_starts_a_service_is_not_waited_for(tmp_path: Path) -> None:
    """The service keeps the output of the command open; the command has ended, and the layer is off."""
    started = {
        "command": {
            "disable": ["sh", "-c", "tail -f /dev/null & echo $! > " + str(tmp_path / "pid")],
            "enable": ["true"],
        }
    }
    with serve(Shop(), tmp_path) as target:
        began_s = clock.now_s()
        with switched_off(target, [Switch.model_validate_json(json.dumps(started))], "layer", "check"):
            took_s = clock.now_s() - began_s
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
    assert took_s < 10
