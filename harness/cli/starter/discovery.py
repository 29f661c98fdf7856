"""Finds the paths of a service that answer, and the header that names its release, before a project is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.cli.starter.trial import NO_ANSWER, REFUSED

if TYPE_CHECKING:
    from harness.cli.starter.trial import ServiceTrial, TriedAnswer

HEALTH: Final = (
    *("/health", "/healthz", "/health/ready", "/readyz", "/livez", "/ping", "/status", "/up"),
    *("/actuator/health", "/q/health", "/healthcheck", "/api/health", "/api/healthz", "/"),
)
"""Usual health paths of services, in the order in which they are requested."""
DOCUMENTS: Final = ("/openapi.json", "/v3/api-docs", "/swagger.json")
"""Usual paths of an OpenAPI document."""
RELEASE_HEADERS: Final = (
    *("x-release", "x-app-release", "x-release-version", "x-version", "x-app-version", "x-application-version"),
    *("x-service-version", "x-build", "x-build-id", "x-build-version", "x-build-number", "x-revision", "x-commit"),
    *("x-commit-sha", "x-git-commit", "x-git-sha", "x-git-revision", "x-image-tag", "x-deploy-version", "app-version"),
)
"""Response headers whose value may be the release, in the order in which one is chosen."""
_RELEASE: Final = re.compile(r"(?=[^\s]*[0-9])[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
"""A version, a commit or a build: one word with a digit."""
_OF_AN_API: Final = re.compile(r"v?[0-9]{1,2}")
_WORDS: Final = frozenset(("release", "version", "build", "revision", "commit", "sha", "deploy", "deployment", "image"))
"""Words in the names of headers that may have the release."""
_OF_A_FRAMEWORK: Final = ("mime-version", "x-aspnet-version", "x-aspnetmvc-version")
_SHOWN: Final = 3
_NOWHERE: Final = "/readiness-path-that-does-not-exist"
_LIMITS: Final = ("ratelimit-limit", "ratelimit", "x-ratelimit-limit", "x-rate-limit-limit")
_AGAIN: Final = 5
"""How often the read is requested again, since several releases may serve it in turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscoveredPaths:
    """Paths that answer GET with status 200 and a body that is complete in time.

    Attributes:
        health: first health path that answers 200 or 204, or the page that it leads to, or one that answers 5xx; empty if there is none.
        read: root, or the page that it leads to, else a documented read, else `health` if its answer has a body; empty if none answers.
        problem: why no path is known; empty if the service answers.
        refused: status with which the service refused a request without credentials; 0 if it refused none.
        said: findings for the user.
    """

    health: str = ""
    read: str = ""
    problem: str = ""
    refused: int = 0
    said: tuple[str, ...] = ()


def discovered(
    trial: ServiceTrial, documented: Sequence[str] = (), *, prefix: str = "", health: str = "", read: str = ""
) -> DiscoveredPaths:
    """Request the given paths, the usual paths of services, then the documented paths.

    A given path that answers 404, or another status that no wait changes, is replaced by a path that answers.

    Args:
        trial: trial of the service.
        documented: paths of reads that answer 200 according to the OpenAPI document.
        prefix: path before the usual paths, such as `/shop`.
        health: health path that the user named; empty: none.
        read: path of a read that the user named; empty: none.
    """
    trial.begin(health or read or f"{prefix}{HEALTH[0]}")
    if trial.problem:
        return DiscoveredPaths(problem=trial.problem)
    usual = [f"{prefix}{path}" for path in HEALTH]
    alike = [path for path in documented if path.endswith(HEALTH[:-1])]
    stored = [path for path in documented if path not in usual and path not in alike]
    said = list[str]()
    well = _healthy(trial, health, [*usual[:-1], *alike, usual[-1], *stored], said)
    found = _stored(trial, read, [f"{prefix}/", *stored, *alike, well], said)
    refused = next((one.status for one in trial.answers if one.status in REFUSED), 0)
    return DiscoveredPaths(health=well, read=found, refused=refused, said=tuple(said))


def _healthy(trial: ServiceTrial, given: str, usual: Sequence[str], said: list[str]) -> str:
    """The health path; adds to `said` what a given or an earlier path answered."""
    if given and not _misleads(trial.get(given)):
        return given
    first, *_ = usual
    found = next((path for path in filter(None, [given, *usual]) if _tells(trial, path)), "")
    named = [path for path in usual if path.endswith(HEALTH[:-1])]
    if found not in (given, *named) and (unwell := next((path for path in named if _is_unwell(trial, path)), "")):
        said.append(
            f"GET {unwell} answers {trial.get(unwell).status}, so the service is not healthy now: a run begins when it answers 200"
        )
        return unwell
    answer = trial.followed(found) if found else None
    if answer and answer.path != found:
        said.append(f"GET {found} leads to {answer.path} (status {trial.get(found).status}), which is the health path")
        return answer.path
    if given:
        instead = f", so the health path is GET {found}" if found else ""
        said.append(f"GET {given} answers {trial.get(given).status}{instead}")
    elif trial.get(first).status == trial.get(_NOWHERE).status == 200:
        said.append(f"the service answers 200 to any path, such as GET {_NOWHERE}; the health path is GET {found}")
    elif found and found != first:
        said.append(f"the health path is GET {found}: GET {first} answers {_words_of(trial.get(first))}")
    return found


def _tells(trial: ServiceTrial, path: str) -> bool:
    """Whether a path answers 200 or 204, and otherwise than a path that does not exist: some servers answer every path."""
    answer = trial.followed(path)
    if answer.status not in (200, 204):
        return False
    nowhere = trial.followed(_NOWHERE)
    return path == HEALTH[-1] or (answer.status, answer.body) != (nowhere.status, nowhere.body)


def _is_unwell(trial: ServiceTrial, path: str) -> bool:
    """Whether a path answers 5xx, and a path that does not exist does not: it is there, and the service is not healthy."""
    return trial.get(path).status >= 500 > trial.get(_NOWHERE).status > NO_ANSWER


def _words_of(answer: TriedAnswer) -> str:
    """The status of an answer that is no read, and what it lacks."""
    return f"{answer.status or 'nothing in time'}{' without a body' if answer.status == 200 else ''}"


def _stored(trial: ServiceTrial, given: str, usual: Sequence[str], said: list[str]) -> str:
    """The path of a read, which answers 200 with a body."""
    if given and not _misleads(trial.get(given)):
        return given
    first = given or usual[0]
    for path in filter(None, ([given] if given else []) + [*usual]):
        answer = trial.followed(path)
        if answer.status == 200 and answer.has_text:
            if answer.path != path:
                said.append(f"GET {path} leads to {answer.path} (status {trial.get(path).status}), which is the read")
            elif path != first:
                alone = ", and no other read is known: name one with `--read`, or a document with `--openapi`"
                why = f"GET {first} answers {_words_of(trial.get(first))}{alone if path == usual[-1] else ''}"
                said.append(f"the read is GET {path}: {why}")
            return answer.path
    return ""


def _misleads(answer: TriedAnswer) -> bool:
    """Whether an answer shows that probes cannot use a path, and not that the service is starting or busy: they send no sign-in."""
    return 300 <= answer.status < 500 and answer.status not in (408, 425, 429)


def limits_of(answers: Sequence[TriedAnswer]) -> Iterator[str]:
    """A text about a limit on requests, which a run would meet."""
    for answer in answers:
        named = next((f"{name}: {answer.headers[name]}" for name in _LIMITS if name in answer.headers), "")
        if named or answer.status == 429:
            yield (
                f"the service limits requests ({named or 'status 429'}), and a run sends about 80 requests/s from one address: "
                "exempt this address, or expect NO-GO where answers have the status 429"
            )
            return


def document_of(trial: ServiceTrial, prefix: str) -> str:
    """The path of an OpenAPI document; empty if no usual path has one."""
    paths = dict.fromkeys(f"{start}{path}" for start in ("", prefix) for path in DOCUMENTS)
    return next((path for path in paths if (one := trial.get(path)).status == 200 and b'"paths"' in one.body), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedRelease:
    """The response header that names the release.

    Attributes:
        header: name of the header; empty: there is none.
        releases: releases that it named, without repetition.
        said: finding for the user; empty if there is none.
    """

    header: str = ""
    releases: tuple[str, ...] = ()
    said: str = ""

    @property
    def release(self) -> str:
        """The release, if every answer named this one; else empty."""
        return self.releases[0] if len(self.releases) == 1 else ""


def named_release(trial: ServiceTrial, paths: Sequence[str], further: Sequence[TriedAnswer] = ()) -> NamedRelease:
    """The header of `RELEASE_HEADERS` that every good answer of the probes has, with a release as its value.

    Args:
        trial: trial of the service.
        paths: paths of the probes; the first one is requested a few times more.
        further: answers of the journey; they may lack the header, and name no other release.
    """
    again = [one for one in trial.again(paths[0], _AGAIN) if one.good] if paths else []
    probed = [one for one in map(trial.followed, paths) if one.good] + again
    every = [*probed, *(one for one in further if one.good)]
    for header in RELEASE_HEADERS:
        values = {one.path: one.headers.get(header, "") for one in every}
        named = [value for one in every if _RELEASE.fullmatch(value := one.headers.get(header, ""))]
        if not named:
            continue
        missing = next((one.path for one in probed if not _RELEASE.fullmatch(one.headers.get(header, ""))), "")
        if missing:
            said = f"the header {header} names a release ({named[0]}), but not in the answer of GET {missing}: it is not used"
            return NamedRelease(said=said)
        releases = tuple(dict.fromkeys(named))
        in_turn = {one.headers[header] for one in again}
        if len(releases) > 1 and len(in_turn) in (1, _AGAIN):
            shown = ", ".join(f"GET {path}: {value}" for path, value in list(values.items())[:_SHOWN] if value)
            return NamedRelease(
                said=f"the header {header} has another value for each path or answer ({shown}), so it names no release: it is not used"
            )
        if "version" in header and _OF_AN_API.fullmatch(releases[0]):
            return NamedRelease(said=_perhaps(header, releases[0], "the version of an API"))
        said = f"the header {header} names the release: {releases[0]}"
        if len(releases) > 1:
            said = f"the header {header} names {len(releases)} releases: {', '.join(releases)}. A run judges one: end the roll-out first"
        return NamedRelease(header=header, releases=releases, said=said)
    return NamedRelease(said=_unusual(probed))


def _unusual(answers: Sequence[TriedAnswer]) -> str:
    """A text about a header that may name the release, by a word of its name; empty if every good answer has none with one value."""
    for name, value in answers[0].headers.items() if answers else ():
        alike = all(one.headers.get(name) == value for one in answers)
        if alike and _RELEASE.fullmatch(value) and _WORDS & {*name.split("-")} and name not in _OF_A_FRAMEWORK:
            return _perhaps(name, value, "something else")
    return ""


def _perhaps(header: str, value: str, other: str) -> str:
    return (
        f"the header {header} ({value}) may name the release, or {other}, so it is not used: if it names the release, write "
        f"`release: {{header: {header}}}` into target.yaml, and add `--release {value}` to `readiness run`"
    )
