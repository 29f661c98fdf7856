"""Signing in and refreshing at the certified provider `oidc-provider`, by authorization code: healthy, and spoilt in one way at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.foreign_trust import facts_of, oidc_provider

CHECK = "token-refreshed"


def test_a_certified_provider_passes(tmp_path: Path) -> None:
    """By its own pages for signing in and consenting."""
    with oidc_provider(tmp_path) as target:
        assert facts_of(target, CHECK) == (True, [])


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("old-token", "refresh of viewer: status 200 and the same token"),
        ("refuses-refresh", "refused with status 400 `invalid_grant`"),
        ("dead-tokens", "/me with the new token of viewer: status 401"),
    ],
)
def test_each_defect_fails(spoilt: str, words: str, tmp_path: Path) -> None:
    """The fact names it."""
    with oidc_provider(tmp_path, spoilt) as target:
        ok, found = facts_of(target, CHECK)
    assert (ok, any(words in one for one in found)) == (False, True), found


@pytest.mark.parametrize(
    ("spoilt", "change", "words"),
    [
        ("no-refresh", (), "the user `viewer` got no refresh token"),
        ("open-page", (), "without a token the page got status 200, so a status 200 proves nothing"),
        ("", ("id: shop-web", "id: unknown"), "sign-in of viewer"),
        ("", ("grant: code", "grant: code\n  page: /nothing"), "without a token the page got status 404"),
    ],
)
def test_what_could_not_be_tried_is_named_and_undecided(
    spoilt: str, change: tuple[str, str], words: str, tmp_path: Path
) -> None:
    """A page that everybody gets is served with any token."""
    with oidc_provider(tmp_path, spoilt, changes=[change] if change else []) as target:
        ok, found = facts_of(target, CHECK)
    assert (ok, any(words in one for one in found)) == (None, True), found
