"""Tokens of the sandbox's provider: who gets them, what they are for, and when they count no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.platform.identity.conftest import Identity


def test_todays_users_sign_in_and_play_as_before(identity: Identity) -> None:
    """POST /sessions hands out a token of the provider, by which a listener adds and plays a track."""
    signed_in = identity.here.post("/sessions", json={"user": "listener-1", "password": "listen-listener-1"})
    assert signed_in.status_code == 201
    token = {"authorization": f"Bearer {signed_in.json()['token']}"}
    created = identity.there.post("/tracks", json={"title": "t", "artist": "a"}, headers=token)
    assert created.status_code == 201
    assert identity.here.post(f"/tracks/{created.json()['id']}/plays", headers=token).status_code == 201
    refused = identity.here.post("/sessions", json={"user": "listener-1", "password": "listen-listener-2"})
    assert (refused.status_code, refused.json()["error"]) == (401, "no such user, or another password")
