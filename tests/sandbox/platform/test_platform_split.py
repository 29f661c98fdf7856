"""Which users get the new release: the same everywhere, only ever more as the weight grows, all of them back when it is 0."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.platform.normaldance.split import Split, place, user_of

USERS = [f"listener-{number}" for number in range(1, 501)]


def route(name: str, canary: int, namespace: str = "here", *, in_progress: bool = True) -> dict[str, Any]:
    """A route that gives the canary so much."""
    labels = {"rollouts.argoproj.io/gatewayapi-canary": "in-progress"} if in_progress else {}
    refs = [{"name": name, "weight": 100 - canary}, {"name": f"{name}-canary", "weight": canary}]
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": meta, "spec": {"rules": [{"backendRefs": refs}]}}


def split(canary: int) -> Split:
    """A split that gives the canary so much of track-service."""
    made = Split("here")
    made.learn(route("track-service", canary))
    return made


def on_canary(canary: int) -> set[str]:
    """The users that get it."""
    chosen = split(canary)
    return {user for user in USERS if chosen.service_for("track-service", user) == "track-service-canary"}


@pytest.mark.parametrize(("weight", "share"), [(0, 0.0), (5, 0.054), (25, 0.244), (50, 0.512), (100, 1.0)])
def test_a_weight_is_a_share_of_the_users(weight: int, share: float) -> None:
    """Of the 500 listeners, counted."""
    assert len(on_canary(weight)) / len(USERS) == share


@given(st.integers(0, 100), st.integers(0, 100), st.text(max_size=20))
def test_a_share_only_grows(one: int, other: int, user: str) -> None:
    """Whoever is on the new release stays there when the weight grows; nobody is left there at 0."""
    low, high = sorted((one, other))
    on_low, on_high = (split(weight).service_for("track-service", user) for weight in (low, high))
    assert on_high == "track-service-canary" or on_low == "track-service"
    assert split(0).service_for("track-service", user) == "track-service"


def test_requests_without_a_user_move_last() -> None:
    """They stay on the old release until it has no weight left."""
    assert split(99).service_for("track-service", "") == "track-service"
    assert split(100).service_for("track-service", "") == "track-service-canary"


def test_services_that_are_rolled_out_at_once_go_together() -> None:
    """The least share of those in progress counts, also of another region; one that is complete holds no other up."""
    both = split(50)
    both.learn(route("user-service", 5, "there"))
    middle = next(user for user in USERS if 5 < place(user) < 50)
    assert both.service_for("track-service", middle) == "track-service"
    both.learn(route("user-service", 50, "there"))
    assert both.service_for("track-service", middle) == "track-service-canary"
    both.learn(route("user-service", 0, "there"))  # taken back
    assert both.service_for("track-service", middle) == "track-service"
    both.learn(route("user-service", 0, "there", in_progress=False))  # promoted: its first Service is the new release
    assert both.service_for("track-service", middle) == "track-service-canary"
    both.learn(route("track-service", 0), gone=True)
    assert both.service_for("track-service", middle) == "track-service"


def test_a_gateway_that_splits_alone_overlooks_other_regions() -> None:
    """A planted defect: its users stay on a release that was taken back elsewhere."""
    chosen = Split("here", alone=True)
    chosen.learn(route("track-service", 50))
    chosen.learn(route("user-service", 0, "there"))
    early = next(user for user in USERS if place(user) < 50)
    assert chosen.service_for("track-service", early) == "track-service-canary"
    chosen.learn(route("user-service", 0))
    assert chosen.service_for("track-service", early) == "track-service"


def test_a_complete_canary_keeps_its_users_until_the_first_service_has_followed() -> None:
    """Two seconds on its own Service, which selects the same pods; one that was taken back gives them up at once."""
    at = [0.0]
    chosen = Split("here", lambda: at[0])
    chosen.learn(route("track-service", 100))
    at[0] = 10.0
    chosen.learn(route("track-service", 0, in_progress=False))
    services = []
    for at[0] in (10.0, 11.9, 12.1):
        services.append({chosen.service_for("track-service", user) for user in ("listener-1", "")})
    assert services == [{"track-service-canary"}, {"track-service-canary"}, {"track-service"}]
    chosen.learn(route("track-service", 100))
    chosen.learn(route("track-service", 0))  # aborted
    assert chosen.service_for("track-service", "listener-1") == "track-service"


def test_a_rollout_that_begins_in_that_time_is_followed_at_once() -> None:
    """An undo begins at 0 % again."""
    chosen = Split("here", lambda: 0.0)
    for each in (route("track-service", 100), route("track-service", 0, in_progress=False), route("track-service", 0)):
        chosen.learn(each)
    assert chosen.service_for("track-service", "listener-1") == "track-service"


def test_a_service_without_a_route_is_itself() -> None:
    """The core has no routes."""
    assert Split("here").service_for("track-service", "listener-1") == "track-service"
    assert 0 <= place("listener-1") < 100


def test_a_request_names_its_user(subtests: pytest.Subtests) -> None:
    """By token, by header, or as who signs in; anything else names none."""
    for path, headers, body, user in [
        ("/tracks/1", {"authorization": "Bearer " + jwt.encode({"sub": "listener-7"}, "s" * 32)}, b"", "listener-7"),
        ("/tracks/1", {"x-user": "listener-8"}, b"", "listener-8"),
        ("/sessions", {}, json.dumps({"user": "listener-9"}).encode(), "listener-9"),
        ("/tracks", {}, json.dumps({"user": "listener-9"}).encode(), ""),
        ("/sessions", {}, b"[1]", ""),
        ("/sessions", {}, b"{", ""),
        ("/tracks/1", {"authorization": "Bearer a.!.c"}, b"", ""),
        ("/tracks/1", {"authorization": "Bearer x"}, b"", ""),
    ]:
        with subtests.test(path=path, headers=headers, body=body):
            request: web.Request = make_mocked_request("GET", path, headers=headers)
            assert user_of(request, body) == user


def test_a_rollout_takes_the_place_of_the_deployment_that_it_refers_to() -> None:
    """With its pod template, of the release; the gateways are told to watch the routes."""
    from readiness_sandbox.platform import render
    from readiness_sandbox.platform.credentials import Credentials
    from readiness_sandbox.releases import load_release

    objects = render.render(load_release("1.0.0"), Credentials.generate(), ["rollout"])
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for each in objects:
        by_kind.setdefault(each["kind"], []).append(each)
    names = {each["metadata"]["name"] for each in by_kind["Deployment"]}
    assert not names & {"track-service", "user-service"}
    rollouts = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in by_kind["Rollout"]}
    track = rollouts["eu-west-1", "track-service"]["spec"]
    assert track["template"]["metadata"]["labels"]["version"] == "1.0.0"
    assert track["template"]["spec"]["nodeSelector"] == {"topology.kubernetes.io/region": "eu-west-1"}
    gateway = next(each for each in by_kind["Deployment"] if each["metadata"]["name"] == "api-gateway")
    env = gateway["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "ROUTES", "value": "watched"} in env
    assert len(rollouts) == 6
