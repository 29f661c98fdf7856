"""Passwords and roles of an Express service: healthy, and spoilt in one way at a time."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from harness.drivers.check.sessions import roles
from harness.drivers.check.sessions.accounts import new_accounts
from harness.drivers.check.sessions.callers import callers
from harness.errors import DriverError
from harness.targets import Target, platform_of
from harness.targets.safety.intents import intents_directory, pending_intents
from harness.targets.trust.browser import browsers
from harness.targets.undo import recover
from tests.builders.foreign_trust import express, facts_of

PASSWORDS, ROLE = "weak-passwords-refused", "role-taken-away"


def seen_by_admin(target: Target, path: str) -> list[str]:
    """The answer to a request of the administrator."""
    assert target.identity is not None
    with browsers(target, target.entry) as maker:
        browser, why = maker.signed_in(target.identity.users["admin"])
        assert not why
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    found: list[str] = httpx.get(target.entry + path, headers={"cookie": cookies}, trust_env=False).json()
    return found


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are refused for a second, and not for five, until a role counts as gone."""
    monkeypatch.setattr(roles, "HELD", 5)
    monkeypatch.setattr(roles, "HELD_S", 0.5)


def test_a_healthy_service_passes_both_and_is_left_as_it_was(tmp_path: Path) -> None:
    """The accounts are removed, and the role is back."""
    with express(tmp_path) as target:
        users = seen_by_admin(target, "/users")
        assert facts_of(target, PASSWORDS) == (True, [])
        assert seen_by_admin(target, "/users") == users
        assert facts_of(target, ROLE, within="2 s") == (True, [])
        assert seen_by_admin(target, "/roles/test-leaver") == ["auditor"]
        assert not pending_intents(platform_of(target))


@pytest.mark.parametrize(
    ("spoilt", "fails", "words"),
    [
        ("sign-up-without-rules", PASSWORDS, "12 short passwords at sign-up: 0 refused; 12 accepted: of 1 characters"),
        ("change-without-rules", PASSWORDS, "60 common passwords at change: 0 refused; 60 accepted: `123456`"),
        ("roles-ignored", ROLE, "/reports in north, by session: served until"),
    ],
)
def test_each_defect_fails_exactly_one(spoilt: str, fails: str, words: str, tmp_path: Path) -> None:
    """The other one passes."""
    with express(tmp_path, spoilt) as target:
        found = {PASSWORDS: facts_of(target, PASSWORDS), ROLE: facts_of(target, ROLE, within="1 s")}
        users = seen_by_admin(target, "/users")
    assert {check: ok for check, (ok, _) in found.items()} == {check: check != fails for check in found}
    assert any(words in one for one in found[fails][1]), found[fails][1]
    assert len(users) == 4


def test_a_role_that_is_known_for_longer_than_the_limit_fails(tmp_path: Path) -> None:
    """A cache of three seconds, and a limit of one; within five seconds it passes."""
    with express(tmp_path, CACHED="3000") as target:
        assert facts_of(target, ROLE, within="1 s")[0] is False
        assert facts_of(target, ROLE, within="5 s") == (True, [])


@pytest.mark.parametrize(
    ("spoilt", "change", "check", "words"),
    [
        ("refuses-all", (), PASSWORDS, "a good password at sign-up: status 422"),
        (
            "",
            ("change: {call: POST /password}", "change: {call: POST /nothing}"),
            PASSWORDS,
            "got status 404, which is neither",
        ),
        ("", ("call: POST /users", "call: POST /nothing"), PASSWORDS, "a good password at sign-up: status 404"),
        ("", ("calls: [/reports]", "calls: [/nothing]"), ROLE, "/nothing got status 404 with the role"),
        ("nobody", (), ROLE, "the sign-in of test-leaver got status 401"),
    ],
)
def test_what_could_not_be_tried_is_named_and_undecided(
    spoilt: str, change: tuple[str, str], check: str, words: str, tmp_path: Path
) -> None:
    """A service that refuses every password passes nothing."""
    with express(tmp_path, spoilt, changes=[change] if change else []) as target:
        ok, found = facts_of(target, check, **({"within": "1 s"} if check == ROLE else {}))
    assert (ok, any(words in one for one in found)) == (None, True), found


def test_a_role_that_could_not_be_given_back_stays_in_the_undo_log(tmp_path: Path) -> None:
    """Recovery gives it back later; the log has no password."""
    with express(tmp_path, "never-back") as target:
        with pytest.raises(DriverError, match="got status 500"):
            facts_of(target, ROLE, within="1 s")
        assert [one.action for one in pending_intents(platform_of(target))] == ["take the role of leaver away"]
        log = "".join(one.read_text() for one in intents_directory(platform_of(target)).iterdir())
        assert "open-" not in log
    with express(tmp_path) as again:
        moved = again.model_copy(update={"entry": target.entry})  # the log is of the entry
        assert [one.action for one in pending_intents(platform_of(moved))]
        found = recover(again, platform_of(moved))
        assert (len(found.undone), found.left) == (1, ())
        assert seen_by_admin(again, "/roles/test-leaver") == ["auditor"]


def test_accounts_of_a_run_that_was_killed_are_removed_by_recovery(tmp_path: Path) -> None:
    """Also those of whose sign-up no answer came."""
    with express(tmp_path) as target, callers(target, target.entry) as signed:
        users = seen_by_admin(target, "/users")
        with new_accounts(target, signed.visitor(), 3, PASSWORDS) as accounts:
            accounts.make("a-good-password-of-some-length")
            assert len(seen_by_admin(target, "/users")) == len(users) + 1
            assert len(recover(target).undone) == 1  # as after a kill at this moment
            assert seen_by_admin(target, "/users") == users
        assert not pending_intents(platform_of(target))


def test_a_removal_that_knows_no_account_is_no_removal(tmp_path: Path) -> None:
    """404 says that an account is gone, and also that the path is wrong: the accounts are named, and stay in the undo log."""
    with express(tmp_path, changes=[('remove: "DELETE /users/', 'remove: "DELETE /user/')]) as target:
        with pytest.raises(DriverError, match=r"the removal of test-\w+, which was just made, got status 404: \d+ acc"):
            facts_of(target, PASSWORDS)
        assert len(pending_intents(platform_of(target))) == 1
