"""`python benchmarks/call_matrix.py`: how long the call matrix of 60 operations, 8 roles and 12 cases takes, and how much it records.

The shop of the tests is served by this process, with a provider that signs real tokens. Every sentence of the matrix is read once. Exit code 1
if together they take over 20 s, send over 200 calls/s, record over 1 MB, or find anything but refusals.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness import clock  # noqa: E402 - of this checkout
from harness.drivers.check.calls.matrix.refused import refused_calls  # noqa: E402
from harness.drivers.check.calls.matrix.roles import role_matrix  # noqa: E402
from harness.drivers.facts import FactProbe, once  # noqa: E402
from harness.evidence.histories.checks import write_facts  # noqa: E402
from tests.builders import guarded_shop as shops  # noqa: E402

OPERATIONS: Final = 60
ROLES: Final = 8
LONGEST_S: Final = 20.0
MOST_BYTES: Final = 1_000_000
SCOPES: Final = ("READ", "WRITE", "ADMIN")
SENTENCES: Final = (
    ("calls-with-bad-token", "401", "protected operation"),
    ("calls-of-foreign-audience", "401", "protected operation"),
    ("calls-of-foreign-issuer", "401", "protected operation"),
    ("calls-without-scope", "403", "read operation"),
    ("calls-with-scope-only", "403", "write operation"),
)
"""The token is missing, unsigned, of another key, altered, expired, revoked, of another audience or issuer, or lacks a scope."""


def main() -> int:
    """Print the table; the exit code."""
    shops.OPERATIONS.clear()
    for number in range(OPERATIONS):
        shops.OPERATIONS[f"GET /things-{number}"] = ("token", [SCOPES[number % 3]])
    users = [f"user-{number}" for number in range(ROLES)]
    shops.SCOPES.clear()
    shops.SCOPES.update({name: SCOPES[: 1 + number % 3] for number, name in enumerate(users)})
    with (
        pytest.MonkeyPatch.context() as patch,
        shops.guarded_shop(patch) as shop,
        tempfile.TemporaryDirectory() as here,
    ):
        target = shops.target_of(shop, Path(here), *_roles(users))
        probes = [
            (noun, refused_calls(target, {"noun": noun, "status": status, "class": of, "scope": "READ"}))
            for noun, status, of in SENTENCES
        ]
        found = [_read(name, probe, shop, Path(here)) for name, probe in [*probes, ("roles", role_matrix(target, {}))]]
    calls, seconds, size, wrong = (sum(one[at] for one in found) for at in range(4))
    print(
        f"| together | {calls:.0f} | {seconds:.1f} s | {calls / seconds:.0f}/s | {size / 1000:.0f} kB | {wrong:.0f} |"
    )
    return int(seconds > LONGEST_S or calls / seconds > target_rate() or size > MOST_BYTES or wrong > 0)


def target_rate() -> float:
    """The greatest rate that a target file may name."""
    return 200.0


def _roles(users: list[str]) -> tuple[tuple[str, str], ...]:
    text = shops.FILE.format(entry="", issuer="")
    begin, end = text.index("    viewer: {user"), text.index("  tokens: {")
    every = "".join(f"    {name}: {{user: test-{name}, password: {{env: PASSWORD_{name}}}}}\n" for name in users)
    declared = ", ".join(f"{name}: [{', '.join(shops.SCOPES[name])}]" for name in users)
    roles = text[text.index("  roles: {") : text.index("  operations: {read")]
    return (text[begin:end], every), (roles, f"  roles: {{{declared}}}\n")


def _read(name: str, probe: FactProbe, shop: shops.GuardedShop, here: Path) -> tuple[float, float, float, float]:
    """Number of calls, seconds, bytes that are recorded, and facts that are not as expected."""
    before, begun = len(shop.asked), clock.now_s()
    facts = once(probe())
    seconds, calls = clock.now_s() - begun, len(shop.asked) - before
    size = (here / write_facts(here, name, facts)).stat().st_size
    wrong = [fact for fact in facts if fact.ok is not True]
    print(
        f"| {name} | {calls} | {seconds:.1f} s | {calls / seconds:.0f}/s | {size / 1000:.0f} kB | {len(wrong)} |",
        flush=True,
    )
    for fact in wrong[:3]:
        print(f"  {fact.subject}: {fact.observed}, expected {fact.expected}")
    return calls, seconds, size, len(wrong)


if __name__ == "__main__":
    print("| sentence | calls | time | rate | recorded | not as expected |\n|---|--:|--:|--:|--:|--:|")
    raise SystemExit(main())
