"""Layers of protection that others wrote: nginx with auth_request in front of Flask with PyJWT, and a role of PostgreSQL; each is switched off, healthy and spoilt."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness import clock
from harness.drivers.check.layers.down import authentication_down
from harness.drivers.check.layers.in_turn import in_turn, layers_outside
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.files.attacks import CommandSwitch, Layer
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone
from tests.foreign.services import APPS, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
    pytest.mark.skipif(not all(map(find_spec, ("flask", "jwt"))), reason="flask or pyjwt is not installed"),
]

NGINX = """
daemon off; pid {here}/nginx.pid; error_log {here}/error.log; worker_processes 1; master_process on;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {here}/t1; proxy_temp_path {here}/t2; fastcgi_temp_path {here}/t3; uwsgi_temp_path {here}/t4; scgi_temp_path {here}/t5;
  server {{
    listen 127.0.0.1:{port};
    location = /sessions {{ proxy_pass http://127.0.0.1:{auth}; }}
    location = /verify {{ internal; proxy_pass http://127.0.0.1:{auth}; proxy_pass_request_body off; proxy_set_header Content-Length ""; }}
    location /orders {{ {check} proxy_pass http://127.0.0.1:{shop}; }}
    location @open {{ proxy_pass http://127.0.0.1:{shop}; }}
  }}
  server {{
    listen 127.0.0.1:{past};
    location / {{ {network} proxy_pass http://127.0.0.1:{shop}; }}
  }}
}}
"""
CHECKS = "auth_request /verify;"
FAILS_OPEN = "auth_request /verify; error_page 500 502 504 = @open;"


class Platform:
    """The three processes and their files."""

    def __init__(self, here: Path, check: str) -> None:
        self.here, self.check = here, check
        self.port, self.auth, self.shop, self.past = free_port(), free_port(), free_port(), free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def configure(self, name: str, check: str, network: str = "deny all;") -> None:
        """Write a configuration of nginx."""
        ports = {"port": self.port, "auth": self.auth, "shop": self.shop, "past": self.past}
        text = NGINX.format(here=self.here, check=check, network=network, **ports)
        (self.here / name).write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start all, and wait until they answer."""
        self.configure("nginx.conf", self.check)
        self.configure("closed.conf", self.check)
        self.configure("open.conf", "")
        self.configure("wide.conf", self.check, "")
        self.auth, auth = free_port(), self.auth
        self.configure("down.conf", self.check)
        self.auth = auth
        self.flask("auth", self.auth)
        self.flask("shop", self.shop)
        self.running["nginx"] = subprocess.Popen(
            ["nginx", "-c", str(self.here / "nginx.conf")], stderr=subprocess.DEVNULL
        )
        for port in (self.port, self.auth, self.shop):
            assert any(answers(port) for _ in clock.Deadline.after(20).ticks(0.1))

    def flask(self, kind: str, port: int) -> None:
        """Start one of the Flask services."""
        words = [sys.executable, str(APPS / "flask_behind_nginx.py"), kind, str(port), str(self.here)]
        self.running[kind] = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """End all."""
        for process in self.running.values():
            process.terminate()
            process.wait(20)

    def script(self, text: str) -> list[str]:
        """A command."""
        return ["sh", "-c", text.format(here=self.here, nginx=self.running["nginx"].pid)]


def answers(port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


LAYERS: tuple[Layer, ...] = ("gateway-check", "token-check", "network-policy", "database-role")
Made = Callable[..., tuple[Platform, Target]]


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Makes the platform with a check of nginx, and a target of it."""
    made: list[Platform] = []
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SHOP_PASSWORD", "right-1")

    def make(check: str = CHECKS) -> tuple[Platform, Target]:
        one = Platform(tmp_path, check)
        made.append(one)
        one.start()
        place = tmp_path / "target.yaml"
        place.write_text(json.dumps(target_of(one)), encoding="utf-8")
        return one, load_target(place)

    with lone(tmp_path / "data", f"{NET}207", "host all all 127.0.0.0/8 trust\n") as primary:
        primary.ask("CREATE ROLE shop LOGIN")
        primary.ask("CREATE TABLE ledger (value text)")
        primary.ask("CREATE TABLE secrets (value text)")
        primary.ask("GRANT SELECT ON ledger TO shop")
        monkeypatch.setenv("OWNER_DSN", primary.dsn)
        monkeypatch.setenv("SHOP_DSN", primary.dsn.replace("user=tester", "user=shop"))
        try:
            yield make
        finally:
            for one in made:
                one.stop()


def target_of(one: Platform) -> dict[str, Any]:
    """The content of the target file."""
    reload = "cp {here}/%s.conf {here}/nginx.conf && kill -HUP {nginx}"
    forged = {"call": "GET /orders", "by": "forged"}
    past, shop = f"http://127.0.0.1:{one.past}", f"http://127.0.0.1:{one.shop}"
    return {
        "name": "shop",
        "environment": "sandbox",
        "disposable": True,
        "entry": f"http://127.0.0.1:{one.port}",
        "database": {"dsn": {"env": "OWNER_DSN"}},
        "sign_in": {"path": "/sessions", "user": "test-1", "password": {"env": "SHOP_PASSWORD"}},
        "layers": {
            "within": "10 s",
            "foreign": [{"outside": forged}, {"outside": {"call": "GET /orders", "by": "none"}}, {"outside": forged, "at": past}],
            "switches": {
                "gateway-check": {
                    "disable": [{"command": {"disable": one.script(reload % "open"), "enable": one.script(reload % "closed")}}],
                    "shown": {"outside": forged, "header": "x-served-by"},
                },
                "token-check": {
                    "disable": [{"command": {"disable": one.script("touch {here}/trusts-all"), "enable": one.script("rm -f {here}/trusts-all")}}],
                    "shown": {"outside": forged, "at": shop},
                },
                "network-policy": {
                    "disable": [{"command": {"disable": one.script(reload % "wide"), "enable": one.script(reload % "closed")}}],
                    "shown": {"outside": forged, "at": past, "header": "x-served-by"},
                },
                "database-role": {
                    "disable": [{"sql": {"disable": "GRANT SELECT ON secrets TO shop", "enable": "REVOKE SELECT ON secrets FROM shop"}}],
                    "shown": {"database": {"sql": "SELECT * FROM secrets", "allowed": "SELECT count(*) FROM ledger", "dsn": {"env": "SHOP_DSN"}}},
                },
            },
            "authentication": {
                "disable": [{"command": {"disable": one.script(reload % "down"), "enable": one.script(reload % "closed")}}],
                "protected": [{"call": "GET /orders"}],
            },
        },
    }  # fmt: skip


def facts(target: Target, *layers: Layer) -> list[FactReading]:
    """The facts with these layers off in turn."""
    found = list(in_turn(target, layers, {})())
    assert pending_intents(platform_of(target)) == []
    return found


def bad(found: list[FactReading]) -> list[tuple[str, str, bool | None]]:
    """Those that are not as expected."""
    return [(one.subject, one.observed, one.ok) for one in found if not one.ok]


def test_the_layers_that_remain_refuse_every_foreign_call(platform: Made) -> None:
    """Nginx' check, the shop's, nginx' rule on addresses, and the database's role: each is off in turn, is seen to be off, and is on again."""
    one, target = platform()
    found = facts(target, *LAYERS)
    assert bad(found) == []
    assert sum(fact.subject.endswith(" off") for fact in found) == 16
    assert not (one.here / "trusts-all").exists()


def test_a_service_that_trusts_callers_past_the_gateway_is_found(platform: Made) -> None:
    """With nginx' rule on addresses off, nothing refuses them: the shop's check is seen to be there, and its switch leaves it off."""
    one, target = platform()
    (one.here / "trusts-all").touch()
    subject = f"GET /orders past the gateway, at http://127.0.0.1:{one.past}, by forged, with the network policy off"
    assert bad(facts(target, "network-policy")) == [(subject, "20 status 200", False)]


def test_a_layer_that_was_never_there_is_found(platform: Made) -> None:
    """The shop trusts every caller; nothing is switched off."""
    one, target = platform()
    (one.here / "trusts-all").touch()
    subject = f"GET /orders past the gateway, at http://127.0.0.1:{one.shop}, by forged, with every layer on"
    assert bad(facts(target, "gateway-check", "token-check")) == [(subject, "20 status 200", False)]


def test_a_role_that_is_too_wide_is_found(platform: Made, tmp_path: Path) -> None:
    """Before any layer is off."""
    _, target = platform()
    assert target.layers is not None
    sql = target.layers.switches["database-role"].disable[0].sql
    assert sql is not None
    Member(tmp_path / "data", f"{NET}207").ask(sql.disable)
    subject = "a query that the services' role may not run, with every layer on"
    assert bad(facts(target, "database-role")) == [(subject, "answered", False)]


def test_a_layer_that_is_not_seen_to_be_off_proves_nothing(platform: Made) -> None:
    """The command that should switch the gateway's check off does nothing."""
    _, target = platform()
    assert target.layers is not None
    layer = target.layers.switches["gateway-check"]
    idle = layer.disable[0].model_copy(update={"command": CommandSwitch(disable=("true",), enable=("true",))})
    switches = {**target.layers.switches, "gateway-check": layer.model_copy(update={"disable": (idle,)})}
    layers = target.layers.model_copy(update={"switches": switches, "within_s": 1.0})
    found = bad(facts(target.model_copy(update={"layers": layers}), "gateway-check"))
    assert [(subject, ok) for subject, _, ok in found] == [("the gateway check is off", None)]


def test_a_sentence_whose_layer_is_not_named_is_refused(platform: Made) -> None:
    """With the key to write."""
    _, target = platform()
    assert target.layers is not None
    switches = {name: one for name, one in target.layers.switches.items() if name != "network-policy"}
    layers = target.layers.model_copy(update={"switches": switches})
    with pytest.raises(ConfigurationError, match="does not name network-policy"):
        layers_outside(target.model_copy(update={"layers": layers}), {})


def test_authentication_that_is_down_lets_no_call_in(platform: Made) -> None:
    """Nginx answers 500 while the auth service is not reached."""
    _, target = platform()
    probe = authentication_down(target, {"down": "5 s"})
    assert callable(probe)
    found = list(probe())
    assert bad(found) == []
    meanwhile = [one.observed for one in found if one.subject.endswith("while authentication is down")]
    assert all("status 500" in one for one in meanwhile)
    assert len(meanwhile) == 2


def test_a_gateway_that_fails_open_is_found(platform: Made) -> None:
    """Nginx lets calls pass without the auth service, to a shop that trusts the gateway."""
    one, target = platform(FAILS_OPEN)
    layers = target.layers
    assert layers is not None
    trusts = CommandSwitch(
        disable=tuple(one.script("touch {here}/trusts-all")), enable=tuple(one.script("rm -f {here}/trusts-all"))
    )
    assert layers.authentication is not None
    off = (*layers.authentication.disable, layers.authentication.disable[0].model_copy(update={"command": trusts}))
    section = layers.model_copy(update={"authentication": layers.authentication.model_copy(update={"disable": off})})
    probe = authentication_down(target.model_copy(update={"layers": section}), {"down": "5 s"})
    assert callable(probe)
    assert [(subject, ok) for subject, _, ok in bad(list(probe()))] == [
        ("GET /orders by none, while authentication is down", False),
        ("GET /orders by forged, while authentication is down", False),
    ]
