"""Writes the files of a new project from templates; existing files are not changed."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from harness.cli.schemas import schema_files
from harness.cli.starter.listening import FORWARDERS
from harness.cli.starter.trust import FILE as DOCUMENT
from harness.cli.starter.trust import PASSWORD
from harness.errors import UsageError
from harness.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.cli.starter.journey_reads import DocumentedRead
    from harness.cli.starter.sign_in import SignInHeader
    from harness.cli.starter.trust import DocumentedTrust

_TEMPLATES: Final = Path(__file__).with_name("files")
_PACKAGE: Final = "readiness-harness"
_CA: Final = "ca.pem"
SCHEMAS: Final = "schemas"
"""Directory of the JSON Schemas, which the first lines of the files name for an editor."""
_WINDOW_S: Final = 25
"""Seconds of the first fault-free window: each route is requested 250 times, enough for the project's requirements."""
_THINK_MS: Final = 500
_SHORTEST_MS: Final = 100
_LONGEST_OBJECT: Final = 42
WRITE: Final = "write"
"""Route name of the journey's POST."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectAnswers:
    """The values from which a project is written.

    Attributes:
        name: name of the target.
        entry: address of the target.
        environment: `staging` or `production`.
        health: path that answers GET with 200 while the service is healthy.
        read: path that answers GET with 200.
        write: path that receives a user's POST; empty: the journey has no POST.
        body: body of the POST.
        ca: bytes of the CA file; None: the CAs of the system are used.
        reads: reads of an OpenAPI document for the journey, instead of `read`.
        forwarder: program on this machine that forwards connections to the target; empty if none is known.
        headers: headers of each request of the journey, which sign in.
        trust: who is let in, as an OpenAPI document says it; None: there is no document.
        release_header: response header that names the release; empty if none is known.
        release: release that runs now; empty if it is not known.
    """

    name: str
    entry: str
    environment: str = "staging"
    health: str = "/health"
    read: str = "/"
    write: str = ""
    body: Mapping[str, Any] | None = None
    ca: bytes | None = None
    reads: Sequence[DocumentedRead] = ()
    forwarder: str = ""
    headers: Sequence[SignInHeader] = ()
    trust: DocumentedTrust | None = None
    release_header: str = ""
    release: str = ""

    @property
    def options(self) -> str:
        """The options that a first run needs."""
        release = f" --release {shlex.quote(self.release)}" if self.release else ""
        return f"{release}{'' if self.breakable else f' --allow-target {self.name}'}"

    @property
    def local(self) -> bool:
        """Whether the target is on this machine, by its address."""
        host = urlsplit(self.entry).hostname or ""
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified  # as servers print it that listen on every address

    @property
    def breakable(self) -> bool:
        """Whether faults are allowed: the target is on this machine, not in production, and not behind a forwarder."""
        return self.local and self.environment != "production" and not self.forwarder

    @property
    def profile(self) -> str:
        """The name of the profile and of its file."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "own"

    @property
    def object_name(self) -> str:
        """The part after `readiness-` in names of Kubernetes objects; the name of a CronJob has at most 52 characters."""
        return self.profile[:_LONGEST_OBJECT].strip("-")

    @property
    def prefix(self) -> str:
        """The prefix of the ids of the project's requirements."""
        found = self.profile.upper()
        return found if found[0].isalpha() else f"S-{found}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenProject:
    """Paths below the project's directory: files that were written, and existing files that were kept."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def write_project(directory: Path, answers: ProjectAnswers) -> WrittenProject:
    """Write the files that do not exist yet.

    Raises:
        UsageError: the directory cannot be written.
    """
    written, kept = [], []
    try:
        for name, body in _files(answers):
            path = directory / name
            if path.exists() or path.is_symlink():
                kept.append(name)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, body)
            written.append(name)
    except OSError as error:
        raise UsageError(
            f"the project cannot be written: {error.strerror}",
            where=str(error.filename or directory),
            hint="name another directory",
        ) from error
    return WrittenProject(written=tuple(written), kept=tuple(kept))


def _files(answers: ProjectAnswers) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # a page's; most commands need none

    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - these are no pages of HTML; names and addresses were checked
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
    )
    templates.filters["pystring"] = json.dumps
    templates.filters["scalar"] = _scalar
    values = _values(answers)
    for template, name in {
        "pyproject.toml": "pyproject.toml",
        "requirements.txt": "requirements.txt",
        "target.yaml": "target.yaml",
        "catalogue/rows.yaml": f"catalogue/{answers.profile}.yaml",
        "features/service.feature": "features/service.feature",
        "loadtests/visitors.py": "loadtests/visitors.py",
        "loadtests/visitors.yaml": "loadtests/visitors.yaml",
        "experiments/service-restart.yaml": "experiments/service-restart.yaml",
        "experiments/service_process.py": "experiments/service_process.py",
        "github/readiness.yml": ".github/workflows/readiness.yml",
        "gitlab-ci.yml": ".gitlab-ci.yml",
        "deploy/nightly.yaml": "deploy/nightly.yaml",
        "Dockerfile": "Dockerfile",
        "dockerignore": ".dockerignore",
        "gitignore": ".gitignore",
        "README.md": "README.md",
    }.items():
        yield name, templates.get_template(f"{template}.j2").render(values).encode()
    if answers.trust is not None:
        yield DOCUMENT, answers.trust.document
        if answers.trust.protected:
            yield (
                "features/security.feature",
                templates.get_template("features/security.feature.j2").render(values).encode(),
            )
    if answers.ca is not None:
        yield _CA, answers.ca
    for file, text in schema_files():
        yield f"{SCHEMAS}/{file}", text.encode()


def _values(answers: ProjectAnswers) -> dict[str, object]:
    """The values of the templates."""
    calls = list(_calls(answers))
    parts = urlsplit(answers.entry)
    return {
        "name": answers.name,
        "object": answers.object_name,
        "profile": answers.profile,
        "prefix": answers.prefix,
        "environment": answers.environment,
        "entry": answers.entry,
        "health": answers.health,
        "read": answers.read,
        "ca": _CA if answers.ca is not None else "",
        "local": answers.local,
        "breakable": answers.breakable,
        "host": parts.hostname,
        "port": parts.port or (443 if parts.scheme == "https" else 80),
        "about": "Reads what is documented." if answers.reads else "Reads, and writes where a path is named.",
        "forwarder": answers.forwarder,
        "forwarders": FORWARDERS,
        "calls": [line for _, line in calls],
        "routes": _shares([route for route, _ in calls]),
        "writes": bool(answers.write),
        "headers": [(header.name, header.python) for header in answers.headers],
        "variables": [name for header in answers.headers for name in header.variables],
        "trust": answers.trust if answers.trust is not None and answers.trust.protected else None,
        "described": DOCUMENT if answers.trust is not None else "",
        "password": PASSWORD,
        "https": parts.scheme == "https",
        "release_header": answers.release_header,
        "options": answers.options,
        "journey_ms": max(_SHORTEST_MS, _THINK_MS * (len(calls) - 1)),
        "window_s": _WINDOW_S,
        "allow": "" if answers.breakable else f" --allow-target {answers.name}",
        "args": json.dumps(
            ["run", "--out", "/reports/runs", *([] if answers.breakable else ["--allow-target", answers.name])]
        ),
        "requirement": tool_requirement(("generated", "trust") if answers.trust and answers.trust.protected else ()),
    }


def _calls(answers: ProjectAnswers) -> Iterator[tuple[str, str]]:
    """Route and line of each request of the journey."""
    for read in answers.reads:
        expect = "".join(f", expect={{{keys}}}" for keys in [_expected(read.expect)] if keys)
        yield read.name, _call(answers, "GET", read.path, f"name={_quoted(read.name)}, status={read.status}{expect}")
    if not answers.reads:
        yield "read", _call(answers, "GET", answers.read, 'name="read", status=200')
    if answers.write:
        body = _literal(dict(answers.body or {}))
        once = "" if answers.headers else ", once=True"
        yield WRITE, _call(answers, "POST", answers.write, f'name="{WRITE}", json={body}{once}')


def _call(answers: ProjectAnswers, method: str, path: str, rest: str) -> str:
    """One request in Python; with headers only `request` can send them."""
    if answers.headers:
        return f'journey.request("{method}", {_quoted(path)}, {rest}, headers=SIGN_IN)'
    return f"journey.{method.lower()}({_quoted(path)}, {rest})"


def _expected(expect: Mapping[str, str]) -> str:
    return ", ".join(f"{_quoted(key)}: {kind}" for key, kind in expect.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _shares(routes: Sequence[str]) -> list[tuple[str, str]]:
    """Each route with an equal share of the requests in per cent; all together are 100."""
    each = round(100 / len(routes), 2)
    last = round(100 - each * (len(routes) - 1), 2)
    return [(route, f"{last if at == len(routes) - 1 else each:g}") for at, route in enumerate(routes)]


def tool_requirement(extras: Sequence[str] = ()) -> str:
    """The requirement with which pip finds this version of the harness, from a repository if it was installed from one."""
    named = f"{_PACKAGE}[{','.join(extras)}]" if extras else _PACKAGE
    try:
        installed = distribution(_PACKAGE)
    except PackageNotFoundError:
        return named
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if repository := origin.get("vcs_info"):
        return f"{named} @ {repository['vcs']}+{origin['url']}@{repository['commit_id']}"
    return f"{named}=={installed.version}"


def is_address(requirement: str) -> bool:
    """Whether a pip requirement names a repository, from which CI can install the harness."""
    return " @ " in requirement


def _scalar(text: str) -> str:
    """A text as a value or a key of YAML: in quotes where it would be read as a number, a date or a word like `no`."""
    plain = _PLAIN.fullmatch(text) is not None and yaml.safe_load(text) == text
    return text if plain else json.dumps(text)


def _literal(value: object) -> str:
    """A JSON value in Python's words."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_quoted(str(key))}: {_literal(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return _quoted(value) if isinstance(value, str) else repr(value)
