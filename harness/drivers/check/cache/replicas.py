"""`cached-for-all`: checks that a value that was cached through one replica of a service is a hit through every other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Final

from harness import clock
from harness.drivers.check.calls.together import CallPlan, send_together
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.reach import WITHIN_S, PodReach
from harness.drivers.check.workloads.young import is_starting
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.caches import CACHE, cache_of
from harness.targets.files.cache import CachedReads
from harness.targets.kubernetes import labels_of, workload_of
from harness.targets.places import Clusters, is_of_workload, namespaces

_Ask = Callable[[str], tuple[str, bool | None]]
"""Given a path: the answer of a replica in words, and whether it is a hit; None: it does not say it."""
_FIRST: Final = "first read"
_PARTS: Final = (0.0, 0.5, 0.95)
"""When the other replicas are read, as parts of the time that the sentence allows: the first paths at once, the last shortly before its end."""


def _accesses(target: Target, _params: Mapping[str, str]) -> tuple[Access, ...]:
    """The pods of a workload are listed, and asked."""
    by_pod = target.cache is not None and target.cache.copies is not None and target.cache.copies.workload
    return access("list pods", "get pods/proxy") if by_pod else ()


@claim(
    "a value cached through one replica is a hit through every other within <limit:duration>",
    example="a value cached through one replica is a hit through every other within 5 s",
    needs=(CACHE, within("cache.copies", "reads that every replica answers from the cache are declared")),
    seconds=10.0,
    again=False,
)
@accesses(by=_accesses)
def cached_for_all(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A value is read through one replica, whose answer must be no hit, and then once through every other; only its first answer counts, since it would fill a cache of its own.

    The values in `copies.paths` are read one after the other: of the first the other replicas are read at once, of the last shortly
    before the end of the time.
    """
    if (reads := cache_of(target).copies) is None:
        hint = "write `cache: {copies: {paths: [PATH], header: HEADER, workload: NAME}}`"
        raise ConfigurationError("names no cached reads", where=f"{target.file}: cache.copies", hint=hint)
    limit_s = Quantity.parse(params["limit"]).base

    def probe() -> Sequence[FactReading]:
        with _replicas(target, reads) as replicas:
            return _shared(reads, replicas, limit_s)

    return probe


def _shared(reads: CachedReads, replicas: Mapping[str, _Ask], limit_s: float) -> list[FactReading]:
    expected = f"a hit within {limit_s:g} s after it was cached through another replica"
    if len(replicas) < 2:
        observed = f"{len(replicas)} replicas: {', '.join(replicas) or 'none'}"
        return [FactReading(subject="replicas", expected="at least 2", observed=observed, ok=None)]
    names, waiting, said = list(replicas), {*replicas}, dict[str, tuple[str, bool | None]]()
    for number, path in enumerate(reads.paths):
        last = number == len(reads.paths) - 1
        part = _PARTS[-1] if last and number else _PARTS[min(number, len(_PARTS) - 1)]
        through = names[number % len(names)]
        words, hit = replicas[through](path)
        if hit is not False:
            said[_FIRST] = (f"{path} through {through}: {words}, expected no hit", None)
            continue
        clock.sleep(part * limit_s)
        for name in sorted(waiting - {through}):
            words, hit = replicas[name](path)
            late = part == _PARTS[-1] and hit is False
            said[name] = (f"{path} after {part * limit_s:.2g} s: {words}", False if late else hit or None)
        waiting -= {name for name, (_, hit) in said.items() if hit}
    return _facts(names, said, expected)


def _facts(names: Sequence[str], said: Mapping[str, tuple[str, bool | None]], expected: str) -> list[FactReading]:
    unread = said.get(_FIRST, ("it was the first to read every value: name more `paths`", None))[0]
    return [
        FactReading(subject=name, expected=expected, observed=observed, ok=ok)
        for name in names
        for observed, ok in [said.get(name, (unread, None))]
    ]


@contextmanager
def _replicas(target: Target, reads: CachedReads) -> Iterator[Mapping[str, _Ask]]:
    """Context of every replica of the service, by its address or the name of its pod."""
    if reads.replicas:
        yield {address: partial(_of_address, target, reads, address) for address in reads.replicas}
        return
    found: dict[str, _Ask] = {}
    with ExitStack() as stack:
        clusters = Clusters(target)
        for region, namespace in namespaces(target).items():
            reach = stack.enter_context(closing(PodReach(clusters.target_of(region), WITHIN_S)))
            for pod in clusters.of(region).pods(namespace):
                if is_of_workload(pod) and not is_starting(pod) and workload_of(labels_of(pod)) == reads.workload:
                    found[f"{namespace}/{pod['metadata']['name']}"] = partial(_of_pod, reads, reach, pod)
        yield found


def _of_address(target: Target, reads: CachedReads, address: str, path: str) -> tuple[str, bool | None]:
    (answer,) = send_together(target, address, [CallPlan(method="GET", path=path)], at_once=1, within_s=WITHIN_S)
    return _hit(reads, answer.status, answer.why, answer.headers)


def _of_pod(reads: CachedReads, reach: PodReach, pod: Mapping[str, object], path: str) -> tuple[str, bool | None]:
    answer = reach.get(dict(pod), path)
    return _hit(reads, answer.status, answer.why, answer.headers)


def _hit(reads: CachedReads, status: int, why: str, headers: Mapping[str, str]) -> tuple[str, bool | None]:
    """An answer in words, and whether it is a hit."""
    if why or status != 200:
        return why or f"status {status}", None
    said = next((value for name, value in headers.items() if name.lower() == reads.header.lower()), None)
    if said is None:
        return f"no header {reads.header}", None
    return f"{reads.header}: {said}", said.strip().lower() == reads.hit.lower()
