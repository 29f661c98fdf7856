"""Preflight: whether every probed path answers as the target file says.

Each path is requested before anything is run, and the state of the cluster is read once.

A misspelt path looks like a target that is down, so a probe must succeed once before it can prove anything about a release.
Until then an answer such as 404, 403 or an unexpected body counts as a mistake in the target file. If no address answers, or the
status is 5xx, the target is down: the run waits for it, and does not judge it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from harness import clock
from harness.drivers.chaos import Restorer
from harness.drivers.check.release import answering_releases
from harness.drivers.watch.entry.probers import wrong
from harness.drivers.watch.entry.wires import ProbeResponse, Wires
from harness.errors import AccessDenied, ConfigurationError, TargetUnreachable, UsageError
from harness.run.scheduler import needs_as_before
from harness.targets.http import proxy_for, tls_context
from harness.targets.loops import run_in_loop
from harness.words import counted
from harness.yamlfile import Location, read_document

if TYPE_CHECKING:
    from harness.model import Act, Plan
    from harness.targets import Target

SILENT_WITHIN_S: Final = 5.0
"""Seconds in which a target must answer as its file expects."""
SERVING_WITHIN_S: Final = 20.0
"""Seconds for which the run waits while the entry answers with 5xx, since the target may be starting."""
_EACH_S: Final = 2.0
_SERVING_POLL_S: Final = 0.5
_BUSY: Final = frozenset({408, 425, 429})
"""Client errors for which the request may still be right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedProbe:
    """One request of the preflight.

    Attributes:
        key: key of the target file that defines the probe.
        base: address of the entry, the region or Prometheus.
        path: path that is requested with GET, from the root of the address.
        expect: keys and values that the JSON object of the answer must contain.
        needed: whether the probe must succeed before anything can be judged.
        absent: whether 404 is a correct answer, because the requested object does not exist.
        silent: whether an empty body is a correct answer.
    """

    key: Location
    base: str
    path: str
    expect: Mapping[str, object] = field(default_factory=dict)
    needed: bool = False
    absent: bool = False
    silent: bool = False

    @property
    def url(self) -> str:
        """The URL as messages show it, without user, password and query."""
        parts = urlsplit(self.base)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{self.path.partition('?')[0]}"


class ProbeFailure(NamedTuple):
    """The problem of the last answer to a probe.

    Attributes:
        probe: probe that was sent.
        what: problem in a few words.
        hint: change of the target file that would solve it.
        mistake: whether only an error in the target file can explain the answer.
        answered: whether there was an answer at all.
    """

    probe: PlannedProbe
    what: str
    mistake: bool = False
    hint: str = ""
    answered: bool = True


Ask = Callable[[Sequence[PlannedProbe]], Sequence[ProbeResponse]]
"""Sends one request of each probe and returns the answers in their order."""


def preflight(
    target: Target,
    say: Callable[[str], None],
    *,
    ask: Ask | None = None,
    acts: Sequence[Act] = (),
    waits: bool = True,
) -> None:
    """Return once every probe of the entry has succeeded and the state of the cluster was read.

    Probes of regions and of Prometheus may fail, unless the answer shows an error in the target file.

    Args:
        target: target whose paths are requested.
        say: function that gets findings that do not stop the run.
        ask: function that sends the requests; by default they are sent in the same way as by the watch.
        acts: acts of the plan; if an act needs a restored target, the state of the cluster must be readable.
        waits: whether a target that does not answer well is waited for; otherwise each path is requested once.

    Raises:
        ConfigurationError: an answer shows an error in the target file; the message has URL, answer, file and line.
        TargetUnreachable: the entry or the API server does not answer, or the entry answers with an error.
        AccessDenied: the user of the kubeconfig may not read the state of the cluster.
    """
    pending, found = probes_of(target), list[ProbeFailure]()
    asking, short = ask or _asker(target), clock.Deadline.after(SILENT_WITHIN_S)
    for _ in clock.Deadline.after(SERVING_WITHIN_S).ticks(_SERVING_POLL_S):
        findings = map(finding_of, pending, asking(pending))
        found = [finding for finding in findings if finding is not None]
        pending = [finding.probe for finding in found]
        if not (pending and waits) or (short.over and not _worth_waiting_for(found)):
            break
    _refuse(target, found, say, waited=waits)
    if target.kubernetes is not None and any(map(needs_as_before, acts)):
        _read_cluster(target)


def refuse_other_release(target: Target, plan: Plan) -> None:
    """Refuse a target that now names another release than the plan, since the run would judge the wrong release.

    Raises:
        UsageError: the target names another release; the hint is the command that judges this release.
    """
    named = answering_releases(target)
    others = [release for release in named if release != plan.release]
    if not others:
        return
    judge = f"judge the release that runs there: {plan.command(release=others[0])}"
    if target.release.version:
        judge = f"correct `version` of `release` in {target.file}, which is {plan.release}"
    what, hint = f"the release {named[0]}", f"{judge}; or deploy {plan.release}"
    if len(named) > 1:
        what = f"{len(named)} releases, {' and '.join(named)}"
        hint = "complete the roll-out or take it back, so that one release answers; then name it with `--release`"
    raise UsageError(
        f"the target {target.name} names {what}, expected {plan.release}; nothing was run",
        where=f"{target.file}: release",
        hint=hint,
    )


def _read_cluster(target: Target) -> None:
    """Read the state of the cluster once: otherwise a missing permission would end the run only after its fault-free window.

    Raises:
        AccessDenied: the user of the kubeconfig may not read it. TargetUnreachable: the API server does not answer.
    """
    try:
        Restorer(target).baseline()
    except AccessDenied as error:
        raise AccessDenied(f"{error.what}; nothing was run", where=error.where, hint=error.hint) from error
    except TargetUnreachable as error:
        hint = error.hint or "check the API server, and `kubernetes` of the target file"
        raise TargetUnreachable(f"{error.what}; nothing was run", where=error.where, hint=hint) from error


def probes_of(target: Target) -> list[PlannedProbe]:
    """One probe for each path of the target file that can be requested without side effects."""
    paths = target.probes
    found = [
        PlannedProbe(key=("probes", "health"), base=target.entry, path=paths.health, needed=True, silent=True),
        PlannedProbe(
            key=("probes", "read"), base=target.entry, path=paths.read.path, expect=paths.read.expect, needed=True
        ),
    ]
    for region, door in target.doors.items():
        at: Location = ("regions", region, "entry")
        found.append(PlannedProbe(key=at, base=door, path=paths.health, silent=True))
        found.append(PlannedProbe(key=at, base=door, path=paths.read.path, expect=paths.read.expect))
    bases = list(target.doors.values()) or [target.entry]
    found += [
        PlannedProbe(key=("probes", "services", name), base=base, path=read.path, expect=read.expect)
        for name, read in paths.services.items()
        for base in bases
    ]
    if target.ledger and target.ledger.read:
        found.append(PlannedProbe(key=("ledger", "path"), base=target.entry, path=f"{target.ledger.path}?client=0"))
    if target.pipeline:
        unknown = target.pipeline.visible.replace("{id}", "0")
        found.append(PlannedProbe(key=("pipeline", "visible"), base=target.entry, path=unknown, absent=True))
    if target.release.path:
        found.append(PlannedProbe(key=("release", "path"), base=target.entry, path=target.release.path))
    if target.prometheus:
        below = urlsplit(target.prometheus).path.rstrip("/")
        found.append(PlannedProbe(key=("prometheus",), base=target.prometheus, path=f"{below}/api/v1/alerts"))
    return found


def finding_of(probe: PlannedProbe, answer: ProbeResponse) -> ProbeFailure | None:
    """The problem of an answer; None if the probe succeeded."""
    status, name = answer.status, str(probe.key[-1])
    if answer.error == "tls":
        hint = "write the address with http:// or https:// as the platform serves it, and name its CA in `tls: {ca_file: …}`"
        return ProbeFailure(probe, "the TLS handshake failed", mistake=True, hint=hint)
    if answer.error is not None:
        return ProbeFailure(probe, answer.error, answered=False)
    if status in _BUSY or status >= 500:
        return ProbeFailure(probe, f"status {status}")
    if (probe.absent and status in (200, 404)) or wrong(answer, probe.expect, silent=probe.silent) is None:
        return None
    if status == 200:
        expected = f"the keys {', '.join(probe.expect)}" if probe.expect else "a body, and no JSON `error`"
        hint = f"correct the path or the expected body of `{name}`"
        what = f"status 200 with another body than expected, which is {expected}"
        return ProbeFailure(probe, what, mistake=True, hint=hint)
    return ProbeFailure(probe, f"status {status}", mistake=True, hint=_hint_of_status(status, name))


def _hint_of_status(status: int, name: str) -> str:
    if status in (401, 403):
        return "probes are sent without credentials: name a path that needs no sign-in"
    if 300 <= status < 400:
        return "redirects are not followed: write the address and the path that the redirect leads to"
    if status == 405:
        return f"`{name}` is requested with GET: name a path that answers GET"
    return f"correct `{name}`: the path must answer GET with status 200; it is requested from the root of the address"


def _worth_waiting_for(found: Sequence[ProbeFailure]) -> bool:
    """Whether the entry answers that it is not ready, and no answer shows an error in the target file."""
    if any(finding.mistake for finding in found):
        return False
    return any(finding.probe.needed and finding.answered for finding in found)


def _refuse(target: Target, found: Sequence[ProbeFailure], say: Callable[[str], None], *, waited: bool) -> None:
    """Raise an error for failures that stop the run; pass the others to `say`."""
    document = read_document(target.file)
    if mistakes := [finding for finding in found if finding.mistake]:
        first = mistakes[0]
        others = len({finding.probe.key for finding in mistakes} - {first.probe.key})
        more = f" (and {counted(others, 'more probe')})" if others else ""
        raise ConfigurationError(
            f"GET {first.probe.url} never succeeded: {first.what}{more}; nothing was run",
            where=document.where(first.probe.key),
            hint=first.hint,
        )
    for probe, what, _, _, answered in found:
        if probe.needed and not answered:
            raise TargetUnreachable(
                f"no answer from {probe.url}{_within(SILENT_WITHIN_S, waited=waited)}: {what}; nothing was run",
                where=document.where(("entry",)),
                hint="start the platform, or correct `entry`",
            )
        if probe.needed:
            raise TargetUnreachable(
                f"INCONCLUSIVE: GET {probe.url} did not succeed{_within(SERVING_WITHIN_S, waited=waited)}: {what}; nothing was run",
                where=document.where(probe.key),
                hint="start the platform, then run again: a platform that is down before the load is not judged",
            )
        say(f"{document.where(probe.key)}: GET {probe.url}: {what}")


def _within(seconds: float, *, waited: bool) -> str:
    return f" within {seconds:g} s" if waited else ""


def _asker(target: Target) -> Ask:
    """A function that sends probes in the same way as the watch: no redirects, no sign-in, a new connection for each."""
    tls = tls_context(target)

    async def one(probe: PlannedProbe) -> ProbeResponse:
        wires = Wires(probe.base, tls, proxy_for(target, probe.base))
        try:
            return await wires.ask("GET", probe.path, within_s=_EACH_S, fresh=True)
        finally:
            await wires.close()

    async def every(probes: Sequence[PlannedProbe]) -> list[ProbeResponse]:
        return list(await asyncio.gather(*map(one, probes)))

    return lambda probes: run_in_loop(every(probes))
