"""Signing in and refreshing at the certified provider `oidc-provider`, by authorization code: healthy, and spoilt in one way at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.foreign_trust import facts_of, oidc_provider

CHECK = "token-refreshed"


@pytest.mark.parametrize(
    ("spoilt", "change", "expected", "words"),
    [
        ("", (), True, ""),
        ("old-token", (), False, "refresh of viewer: status 200 and the same token"),
        ("refuses-refresh", (), False, "refused with status 400 `invalid_grant`"),
        ("dead-tokens", (), False, "/me with the new token of viewer: status 401"),
        ("no-refresh", (), None, "the user `viewer` got no refresh token"),
        ("open-page", (), None, "without a token the page got status 200, so a status 200 proves nothing"),
        ("", ("id: shop-web", "id: unknown"), None, "sign-in of viewer"),
        ("", ("grant: code", "grant: code\n  page: /nothing"), None, "without a token the page got status 404"),
    ],
)
def test_a_certified_provider_passes_and_each_defect_is_named(
    spoilt: str, change: tuple[str, str], *, expected: bool | None, words: str, tmp_path: Path
) -> None:
    """By its own pages for signing in and consenting; what could not be tried, as with a page that everybody gets, is undecided."""
    with oidc_provider(tmp_path, spoilt, changes=[change] if change else []) as target:
        ok, found = facts_of(target, CHECK)
    assert (ok, any(words in one for one in found)) == (expected, words != ""), found
