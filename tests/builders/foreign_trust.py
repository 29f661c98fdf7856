"""Services of others with sessions, passwords, roles and rate limits, started for a test; skipped by name where they are not installed.

They are installed with `npm install --prefix DIRECTORY express express-session express-rate-limit oidc-provider` and found by
`NODE_PATH=DIRECTORY/node_modules`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from harness.drivers.check.claim import SEED
from harness.drivers.check.registry import kind_of
from harness.drivers.check.sessions import weak_passwords
from harness.targets import Target, load_target
from tests.foreign.services import APPS, ForeignService, programs, started

EXPRESS: Final = ("express", "express-session", "express-rate-limit")
_FILE: Final = """\
name: shop
environment: staging
entry: {entry}
regions: {{north: {{entry: "{entry}"}}}}
may_write: [{{users: "test-*"}}]
identity:
  users:
    viewer: {{user: test-viewer, password: {{file: {directory}/viewer}}}}
    editor: {{user: test-editor, password: {{file: {directory}/editor}}}}
    admin: {{user: test-admin, password: {{file: {directory}/admin}}}}
    leaver: {{user: test-leaver, password: {{file: {directory}/leaver}}}}
  session: {{cookie: sid, sign_in: POST /login, sign_out: POST /logout, page: /account, lifetime: 600 s}}
  sign_up: {{call: POST /users, user: "test-{{new}}", remove: "DELETE /users/{{user}}", removed_by: admin}}
  change: {{call: POST /password}}
  administration:
    by: admin
    of: leaver
    role: auditor
    take: {{call: "DELETE /users/{{user}}/roles/{{role}}"}}
    give: {{call: "PUT /users/{{user}}/roles/{{role}}"}}
    calls: [/reports]
limits:
  calls: 20
  in: 1 s
  path: /limited
  clients: [{{key: {{file: {directory}/viewer}}}}, {{key: {{file: {directory}/editor}}}}, {{key: {{file: {directory}/admin}}}}]
"""


def need_modules(*names: str) -> None:
    """Skip the test unless Node.js finds the modules."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = ";".join(f"require.resolve('{name}')" for name in names)
    if subprocess.run([node, "-e", script], capture_output=True, check=False).returncode:
        pytest.skip(f"not installed for Node.js: {', '.join(names)}")


@contextmanager
def express(
    directory: Path, *spoilt: str, changes: Sequence[tuple[str, str]] = (), **variables: str
) -> Iterator[Target]:
    """The target that is an Express service.

    Args:
        directory: for its files.
        spoilt: what it leaves out, see `express_trust.js`.
        changes: texts of the target file, and what replaces them.
        variables: further variables of the service.
    """
    need_modules(*EXPRESS)
    service = ForeignService(
        about="Express with sessions", command=("{node}", str(APPS / "express_trust.js"), "{port}"), modules=EXPRESS
    )
    environment = {"SPOILT": ",".join(spoilt), "COMMON": str(weak_passwords.FILE), **variables}
    for name in ("viewer", "editor", "admin", "leaver"):
        (directory / name).write_text(f"open-test-{name}", encoding="utf-8")
    with started(service, directory, programs(), environment) as words:
        yield _loaded(directory, _FILE.format(entry=words["entry"], directory=directory), changes)


def facts_of(target: Target, check: str, **params: str) -> tuple[bool | None, list[str]]:
    """What a check finds: True if every fact is as expected, False if one is not, else None; and the facts that are not True, in words."""
    with kind_of(check).placed(target, {**params, SEED: "1"}) as probe:
        facts = probe()
    wrong = [f"{one.subject}: {one.observed}" for one in facts if one.ok is not True]
    if any(one.ok is False for one in facts):
        return False, wrong
    return (None if wrong or not facts else True), wrong


_PROVIDER_FILE: Final = """\
name: shop
environment: staging
entry: {entry}
may_write: [{{users: "test-*"}}]
identity:
  issuer: {entry}
  clients:
    web:
      id: shop-web
      secret: {{file: {directory}/client}}
      redirect: http://127.0.0.1:9/callback
      scopes: [offline_access]
      parameters: {{prompt: consent}}
  users: {{viewer: {{user: test-viewer, password: {{file: {directory}/viewer}}}}}}
  grant: code
"""


@contextmanager
def oidc_provider(directory: Path, spoilt: str = "", changes: Sequence[tuple[str, str]] = ()) -> Iterator[Target]:
    """The target that is the certified provider `oidc-provider`; for the arguments see `express`."""
    need_modules("oidc-provider")
    command = ("{node}", str(APPS / "refreshing_provider.js"), "{port}")
    service = ForeignService(about="a certified OpenID provider", command=command, modules=("oidc-provider",))
    (directory / "client").write_text("secret-of-a-client", encoding="utf-8")
    (directory / "viewer").write_text("open-test-viewer", encoding="utf-8")
    with started(service, directory, programs(), {"SPOILT": spoilt}) as words:
        yield _loaded(directory, _PROVIDER_FILE.format(entry=words["entry"], directory=directory), changes)


def _loaded(directory: Path, text: str, changes: Sequence[tuple[str, str]]) -> Target:
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    (directory / "target.yaml").write_text(text, encoding="utf-8")
    return load_target(directory / "target.yaml")


_STARLETTE_FILE: Final = """\
name: shop
environment: staging
entry: {entry}
may_write: [{{users: "test-*"}}]
identity:
  users: {{viewer: {{user: test-viewer, password: {{file: {directory}/viewer}}}}}}
  session:
    cookie: session
    sign_in: POST /login
    sign_out: POST /logout
    page: /account
    fields: {{user: email, password: secret}}
    body: form
    lifetime: 6 s
"""


@contextmanager
def starlette(directory: Path) -> Iterator[Target]:
    """The target that is a Starlette service with signed cookies; the test is skipped where it is not installed."""
    for name in ("starlette", "itsdangerous", "uvicorn"):
        pytest.importorskip(name)
    command = ("{python}", str(APPS / "starlette_sessions.py"), "{port}")
    service = ForeignService(about="Starlette with signed cookies", command=command, packages=("starlette",))
    (directory / "viewer").write_text("open-test-viewer", encoding="utf-8")
    with started(service, directory, programs(), {}) as words:
        yield _loaded(directory, _STARLETTE_FILE.format(entry=words["entry"], directory=directory), ())
