"""`token-refreshed`: checks that a user signs in, refreshes the token, and is served with the new one.

The path must be refused without a token and with one that nobody issued: a path that everybody gets serves with any token.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.sessions.browser import Caller, client_of, entries, origin_of, test_users
from harness.drivers.check.sessions.needs import TEST_USERS
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import HarnessError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.trust.grants import IdentityTokens, IssuedToken

if TYPE_CHECKING:
    import httpx
