"""Attacks on a Flask service that a real Prometheus watches, and whose block list a real Alertmanager fills: healthy and spoilt."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from harness import clock
from harness.drivers.check.attacks.attacked import attacker_refused, forged_tokens, guessed_passwords
from harness.drivers.check.claim import CheckFunction
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from tests.foreign.services import APPS, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("prometheus-alertmanager")),
        reason="prometheus or prometheus-alertmanager is not installed",
    ),
    pytest.mark.skipif(not all(map(find_spec, ("flask", "jwt"))), reason="flask or pyjwt is not installed"),
]

SINCE = "sum by (client) ({0} - ({0} offset 10s or {0} * 0)) > 10"
"""The increase in 10 s, also of a series that began with it: `increase` does not count its first sample."""
EVERY = SINCE.format("refused_total")
PASSWORDS = SINCE.format('refused_total{reason="password"}')
SCRAPES = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{here}/rules.json]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{manager}"]}}]}}]}}
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""
ROUTES = """
route: {{receiver: shop, group_by: [client], group_wait: 1s, group_interval: 1s}}
receivers: [{{name: shop, webhook_configs: [{{url: "http://127.0.0.1:{port}/alerts", send_resolved: false}}]}}]
"""
Serve = Callable[..., Target]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts the service with its monitor and gives a target of it."""
    running: list[subprocess.Popen[bytes]] = []
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SHOP_PASSWORD", "right-1")

    def run(*words: str) -> None:
        running.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path))

    def start(*words: str, rule: str = EVERY) -> Target:
        port, prometheus, manager = free_port(), free_port(), free_port()
        (tmp_path / "rules.json").write_text(
            json.dumps({"groups": [{"name": "a", "rules": [{"alert": "Attack", "expr": rule}]}]}), encoding="utf-8"
        )
        (tmp_path / "prometheus.yaml").write_text(SCRAPES.format(here=tmp_path, port=port, manager=manager))
        (tmp_path / "alertmanager.yaml").write_text(ROUTES.format(port=port))
        run(sys.executable, str(APPS / "flask_guarded.py"), str(port), *words)
        run(
            "prometheus",
            "--config.file=prometheus.yaml",
            f"--web.listen-address=127.0.0.1:{prometheus}",
            "--storage.tsdb.path=tsdb",
        )
        run(
            "prometheus-alertmanager",
            "--config.file=alertmanager.yaml",
            f"--web.listen-address=127.0.0.1:{manager}",
            "--cluster.listen-address=",
            "--storage.path=manager",
        )
        for address in (f"{port}/metrics", f"{prometheus}/-/ready", f"{manager}/-/ready"):
            assert any(answers(f"http://127.0.0.1:{address}") for _ in clock.Deadline.after(30).ticks(0.2))
        unblock = ["curl", "-sfX", "DELETE", f"http://127.0.0.1:{port}/blocked/{{client}}"]
        content = {
            "name": "shop",
            "environment": "sandbox",
            "disposable": True,
            "entry": f"http://127.0.0.1:{port}",
            "prometheus": f"http://127.0.0.1:{prometheus}",
            "may_write": [{"users": "test-*"}],
            "sign_in": {"path": "/sessions", "user": "test-1", "password": {"env": "SHOP_PASSWORD"}},
            "attacks": {
                "alerts": {"forged-tokens": "Attack", "wrong-passwords": "Attack"},
                "label": "client",
                "protected": {"call": "GET /orders"},
                "clients": ["127.0.66.1", "127.0.66.2", "127.0.66.3"],
                "calls": 40,
                "quiet": "1 s",
                "resolved": "30 s",
                "unblock": {"command": unblock},
            },
        }
        place = tmp_path / "target.yaml"
        place.write_text(json.dumps(content), encoding="utf-8")
        return load_target(place)

    try:
        yield start
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


def answers(address: str) -> bool:
    """Whether it answers with 200."""
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def read(check: CheckFunction, target: Target, **params: str) -> list[FactReading]:
    """The facts of a check, whose changes are undone."""
    probe = check(target, params)
    assert callable(probe)
    found = list(probe())
    assert pending_intents(platform_of(target)) == []
    return found


def bad(facts: list[FactReading]) -> list[tuple[str, bool | None]]:
    """Those that are not as expected."""
    return [(one.subject, one.ok) for one in facts if not one.ok]


def test_attacks_raise_the_alert_and_attackers_are_refused(serve: Serve) -> None:
    """Forged tokens and wrong passwords, each from an address of its own; the block is lifted at the end."""
    target = serve()
    assert bad(read(guessed_passwords, target, bursts="2", limit="15 s")) == []
    refused = read(attacker_refused, target, limit="15 s")
    assert bad(refused) == []
    assert bad(read(forged_tokens, target, bursts="1", limit="15 s")) == []


def test_an_alert_that_counts_wrong_passwords_only_is_found(serve: Serve) -> None:
    """Forged tokens leave it silent; and a limit that the alert cannot keep is not kept."""
    target = serve(rule=PASSWORDS)
    assert bad(read(forged_tokens, target, bursts="1", limit="8 s")) == [("burst 1 of 1", False)]
    assert bad(read(guessed_passwords, target, bursts="1", limit="0.5 s")) == [("burst 1 of 1", False)]


def test_a_block_list_that_is_not_read_is_found(serve: Serve) -> None:
    """The alert fires, and the attacker is let in."""
    facts = read(attacker_refused, serve("deaf"), limit="4 s")
    assert bad(facts) == [("calls of the attacking client", False)]


def test_an_alert_that_always_fires_proves_nothing(serve: Serve) -> None:
    """It was not silent before the attack."""
    target = serve(
        rule="sum by (client) (refused_total) >= 0 or label_replace(vector(1), 'client', '127.0.66.1', '', '')"
    )
    assert target.attacks is not None
    brief = target.model_copy(update={"attacks": target.attacks.model_copy(update={"resolved_s": 2.0})})
    assert bad(read(forged_tokens, brief, bursts="1", limit="5 s")) == [("Attack before burst 1 of 1", None)]


def test_wrong_passwords_need_consent(serve: Serve) -> None:
    """They may lock an account."""
    target = serve().model_copy(update={"may_write": ()})
    with pytest.raises(ConfigurationError, match="not among those that `may_write` allows"):
        guessed_passwords(target, {"bursts": "1", "limit": "5 s"})
