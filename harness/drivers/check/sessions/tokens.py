"""`token-refreshed`: checks that a user signs in, refreshes the token, and is served with the new one.

The path must be refused without a token and with one that nobody issued: a path that everybody gets serves with any token.
"""

from __future__ import annotations
