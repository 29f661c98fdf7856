"""Makes the answers for a project from the options, the trial of the service, and the questions to the user."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from harness.cli.starter.discovery import (
    DiscoveredPaths,
    NamedRelease,
    discovered,
    document_of,
    limits_of,
    named_release,
)
from harness.cli.starter.given import body_of, entry_of, name_of, path_of, refuse_known
from harness.cli.starter.journey_reads import (
    DocumentedOperations,
    DocumentedRead,
    answered_reads,
    refused_reads,
    unsent_writes,
)
from harness.cli.starter.listening import ListeningProcess, listening
from harness.cli.starter.openapi import described, documented_operations
from harness.cli.starter.sign_in import SignInHeader, sign_in_header
from harness.cli.starter.trial import REFUSED, ServiceTrial, tls_of
from harness.cli.starter.trust import documented_trust
from harness.cli.starter.writing import ProjectAnswers
from harness.errors import UsageError

SIGN_IN_OPTION: Final = "--header 'Authorization: Bearer $TOKEN'"
_RESTART: Final = "experiments/service-restart.yaml"
_HEALTH: Final = "Path that answers 200 while the service is healthy"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFindings:
    """What the trial of the service found, in words.

    Attributes:
        said: findings, such as a health path that answers 404.
        left_out: documented operations that are not in the journey, with the reason.
        problem: why paths of the service do not answer; empty if they answer.
        listens: which process listens at the entry; empty if it is not known.
    """

    said: tuple[str, ...]
    left_out: tuple[str, ...]
    problem: str
    listens: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The findings in the order in which they are printed, without the problem."""
        left_out = (f"left out of the journey: {line}" for line in self.left_out)
        return (*self.said, *left_out, *([self.listens] if self.listens else []))


class _Options:
    """The checked options, and the questions for those that are missing."""

    def __init__(self, directory: Path, options: Mapping[str, Any], *, asks: bool) -> None:
        self.asks = asks
        self.name = name_of(options["name"], directory)
        given = options["entry"] or self.asked("Address of the service", "http://127.0.0.1:8080")
        if not options["entry"] and not asks:
            hint = "pass `--entry http://127.0.0.1:8080`, with the address where the service answers"
            raise UsageError("the address of the service is missing", where="--entry", hint=hint)
        self.entry, self.prefix = entry_of(given)
        self.environment: str = options["environment"]
        self.health, self.read, self.write = (
            path_of(f"--{one}", options[one]) if options[one] else "" for one in ("health", "read", "write")
        )
        self.body_text: str | None = options["body"]
        self.body = body_of(self.body_text, self.write)
        self.ca: Path | None = options["ca"]
        if self.ca is not None and not self.ca.is_file():
            raise UsageError("the file does not exist", where=str(self.ca), hint="name a file of PEM certificates")
        self.tls = tls_of(str(self.ca) if self.ca else "")
        self.headers: list[SignInHeader] = [sign_in_header(text) for text in options["headers"]]
        self.openapi: str = options["openapi"] or ""
        self.user: str = options.get("user") or ""
        self.signs_in: str = path_of("--sign-in", options["sign_in"]) if options.get("sign_in") else ""
        for option, value in (("--user", self.user), ("--sign-in", self.signs_in)):
            if value and not self.openapi:
                hint = "pass `--openapi` with the document that says which operations need a token"
                raise UsageError(f"{option} needs the OpenAPI document", where=option, hint=hint)

    @property
    def sent(self) -> dict[str, str]:
        """The headers that sign in, with their values."""
        return {header.name: header.resolved(os.environ) for header in self.headers}

    def asked_path(self, option: str, question: str, default: str) -> str:
        """The user's answer to a question for a path."""
        return path_of(option, self.asked(question, default))

    def asked(self, question: str, default: str) -> str:
        """The user's answer in a terminal; else the default."""
        return str(click.prompt(question, default=default, show_default=bool(default))) if self.asks else default


def answers_for(directory: Path, options: Mapping[str, Any], *, asks: bool) -> tuple[ProjectAnswers, ServiceFindings]:
    """The answers for the project, and what the trial of the service found.

    Args:
        directory: directory of the project.
        options: options of the command.
        asks: whether there is a terminal to ask for missing options.

    Raises:
        UsageError: an option is invalid, or is missing without a terminal.
        ConfigurationError: the OpenAPI document or the CA cannot be used.
    """
    given = _Options(directory, options, asks=asks)
    document = described(given.openapi, given.tls) if given.openapi else None
    documented = documented_operations(document) if document else None
    is_described = document is not None and str(document.root.get("openapi", "")).startswith("3.")
    trust = (
        documented_trust(document, sign_in=given.signs_in, test_user=given.user) if document and is_described else None
    )
    with ServiceTrial(given.entry, given.tls, given.sent) as trial:
        paths = [read.path for read in documented.reads if read.status == 200] if documented else []
        prefix = given.prefix or (documented.base if documented else "")
        found = discovered(trial, paths, prefix=prefix, health=given.health, read=given.read)
        if documented and not found.problem:
            _ask_for_header(given, refused_reads(documented, trial))
            trial.sign_in(given.sent)
        reads, left_out, unread = _journey(given, documented, found, trial)
        health = given.asked_path("--health", _HEALTH, found.health or given.health or f"{given.prefix}/health")
        read = given.asked_path("--read", "Path of a read", found.read or given.read or f"{given.prefix}/")
        asked = [trial.followed(one.path, signed_in=trial.signs_in) for one in reads] if found.read else []
        release = named_release(trial, [read, health], asked) if found.read else NamedRelease()
        limits = limits_of(trial.answers)
        there = "" if documented or found.problem else document_of(trial, given.prefix)
    _ask_for_write(given, documented)
    answers = ProjectAnswers(
        name=given.name,
        entry=given.entry,
        environment=given.environment,
        health=health,
        read=read,
        write=given.write,
        body=given.body,
        ca=given.ca.read_bytes() if given.ca else None,
        reads=reads,
        headers=given.headers,
        trust=trust,
        release_header=release.header,
        release=release.release,
    )
    refuse_known(answers)
    beside = listening(given.entry) if answers.local else ()
    answers = replace(answers, forwarder=next((one.name for one in beside if one.forwards), ""))
    return answers, ServiceFindings(
        said=(*found.said, *filter(None, [unread, release.said, *limits, _names_document(given, there)])),
        left_out=(*left_out, *(unsent_writes(documented.writes, given.write) if documented else ())),
        problem=_problem(given, found, directory, trial),
        listens=_listens(answers, found, beside),
    )


def _names_document(given: _Options, path: str) -> str:
    """The option that makes a journey of a document that the service has; empty without a document."""
    return (
        f"GET {path} is an OpenAPI document: `--openapi {given.entry}{path}` makes a journey of its reads"
        if path
        else ""
    )


def _ask_for_header(given: _Options, refused: Sequence[str]) -> None:
    """In a terminal, ask for the header that signs in if the service refuses documented reads and no header is given."""
    if not refused or given.headers or not given.asks:
        return
    click.echo(f"These reads need a sign-in: {', '.join(refused)}")
    question = "Header that signs in, such as `Authorization: Bearer $TOKEN` (empty: leave these reads out)"
    if text := given.asked(question, ""):
        given.headers = [sign_in_header(text)]


def _ask_for_write(given: _Options, documented: DocumentedOperations | None) -> None:
    """In a terminal, ask for a POST and for the body that the document demands; without a terminal a missing body is an error."""
    if not given.write and (write := given.asked("Path that receives a user's POST (empty: none)", "")):
        given.write = path_of("--write", write)
    known = documented.writes if documented else ()
    told = next((one for one in known if one.method == "POST" and one.path == given.write), None)
    if told is None or given.body is not None or not told.needs_body:
        return
    if not given.asks:
        what = f"the document demands a body of POST {given.write}, and none is given"
        body = shlex.quote(told.example or "{…}")
        raise UsageError(what, where="--body", hint=f"pass `--body {body}`, with values of a test user")
    given.body = body_of(given.asked(f"JSON body of POST {given.write}", told.example or "{}"), given.write)


def _journey(
    given: _Options, documented: DocumentedOperations | None, found: DiscoveredPaths, trial: ServiceTrial
) -> tuple[tuple[DocumentedRead, ...], tuple[str, ...], str]:
    """The reads of the journey, empty for `read` alone; the documented reads that are left out; and why no read signs in."""
    if documented:
        names = [header.name for header in given.headers]
        chosen = answered_reads(documented, None if found.problem else trial, names)
        return chosen.reads, chosen.left_out, ""
    if found.problem:
        return (), (), ""
    first = given.read or f"{given.prefix}/"
    if not given.headers:
        status = trial.get(first).status
        signs_in = f"GET {first} answers {status}: `{SIGN_IN_OPTION}` makes a journey that signs in"
        return (), (), signs_in if status in REFUSED else ""
    for path in dict.fromkeys((first, f"{given.prefix}/")):
        answer = trial.followed(path, signed_in=True)
        if answer.good:
            return (DocumentedRead(name="read", path=answer.path),), (), ""
    answered = trial.get(first, signed_in=True).status or "nothing in time"
    why = f"GET {first} answers {answered} with the header that signs in, so the journey does not read it: correct the value, or name another path with `--read`"
    return (), (), why


def _problem(given: _Options, found: DiscoveredPaths, directory: Path, trial: ServiceTrial) -> str:
    """Why paths of the service do not answer now, with a hint; empty if they answer."""
    file = directory / "target.yaml"
    if found.problem:
        hint = "start the service before a run, or correct the address (http or https?)"
        if "CERTIFICATE_VERIFY_FAILED" in found.problem:
            hint = "name the CA with `--ca FILE`, and use an address for which the certificate is valid"
        return f"{given.entry} does not answer ({found.problem}), so its paths in {file} are guessed: {hint}"
    guessed = [key for key in ("health", "read") if not getattr(found, key)]
    if guessed:
        why = f" (the status is {found.refused}, since probes are sent without credentials)" if found.refused else ""
        keys = ", ".join(guessed)
        if away := next((one for one in trial.answers if trial.leads_away(one)), None):
            return f"GET {given.entry}{away.path} leads to {away.leads}: begin again in an empty directory with `--entry` and that address"
        return f"no usual path of {given.entry}{given.prefix} answers GET with status 200 and a body{why}: correct `probes` ({keys}) in {file}"
    return ""


def _listens(answers: ProjectAnswers, found: DiscoveredPaths, there: Sequence[ListeningProcess]) -> str:
    """Which process listens at the entry, and what follows for the project; empty if the service is on another machine or does not answer."""
    if forwarder := next((one for one in there if one.forwards), None):
        return (
            f"{forwarder.name} (process {forwarder.pid}) listens at {answers.entry} and forwards connections, so the service is "
            "another process: faults are not allowed, and a run needs the name of the target (`--allow-target`)"
        )
    if not answers.local or found.problem:
        return ""
    if there:
        said = f"{there[0].name} (process {there[0].pid}) listens at {answers.entry}"
        return f"{said}: {_RESTART} kills it and starts it again" if answers.breakable else said
    said = f"the process at {answers.entry} belongs to Docker, systemd or another user"
    return f"{said}: write the commands that stop and start it into {_RESTART}" if answers.breakable else said
