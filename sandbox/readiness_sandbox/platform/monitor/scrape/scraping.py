"""Scrapes: each target on a schedule of its own, its samples into the storage.

The outcome of each scrape is recorded, and the end of a target.

A series that a scrape no longer has ends at once, all of them where a scrape fails; `up` says which of the two it was.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from ..promql.values import NAME, Labels, labels_of
from ..storage import Storage, StoredSeries
from .config import ScrapeJob
from .discovery import Discovered
from .exposition import ExpositionError, head, labels_in, lines, values_again
from .relabel import relabelled

_RECONCILE_S: Final = 0.25
_FORGET_S: Final = 60.0
_OWN: Final = ("up", "scrape_duration_seconds", "scrape_samples_scraped")
"""What each scrape says of itself: whether it was answered, how long that took in seconds, how many samples it had."""
_BROKEN: Final = (aiohttp.ClientError, TimeoutError, ExpositionError, UnicodeDecodeError, OSError)


class ScrapeAccess:
    """What a scrape shows of itself, and whom it trusts."""

    def __init__(self, job: ScrapeJob) -> None:
        self.headers = {"accept": "text/plain"}
        if job.token_file:
            self.headers["authorization"] = f"Bearer {Path(job.token_file).read_text('utf-8').strip()}"
        self.tls = ssl.create_default_context(cafile=job.ca_file) if job.ca_file else True


@dataclass(slots=True)
class ScrapeTarget:
    """One target, and how its last scrape went.

    Attributes:
        job: that it belongs to. discovered: its labels before relabelling. labels: of its samples. url: that is scraped.
        health: `up`, `down`, or `unknown` before the first scrape. error: of the last one. at_s, seconds: when it began, how long it took.
    """

    job: ScrapeJob
    discovered: Mapping[str, str]
    labels: Labels
    url: str
    health: str = "unknown"
    error: str = ""
    at_s: float | None = None
    seconds: float = 0.0
    _series: dict[str, StoredSeries | None] = field(default_factory=dict)
    _last: set[str] = field(default_factory=set)
    _heads: list[str] = field(default_factory=list)
    _in_order: list[StoredSeries | None] = field(default_factory=list)
    _own: tuple[Labels, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._own = tuple(labels_of({**dict(self.labels), NAME: name}) for name in _OWN)

    async def scrape(self, session: aiohttp.ClientSession, storage: Storage, credentials: ScrapeAccess) -> None:
        """Scrape once."""
        at_s, began = time.time(), time.perf_counter()
        try:
            timeout = aiohttp.ClientTimeout(total=self.job.timeout_s)
            async with session.get(
                self.url, timeout=timeout, headers=credentials.headers, ssl=credentials.tls
            ) as response:
                if response.status != 200:
                    raise aiohttp.ClientError(f"server returned HTTP status {response.status} {response.reason}")
                text = await response.text("utf-8")
            count = self.store(text, storage, at_s)
        except _BROKEN as error:
            self.health, self.error, count = "down", str(error) or type(error).__name__, 0
            self.end(storage, at_s)
        else:
            self.health, self.error = "up", ""
        self.at_s, self.seconds = at_s, time.perf_counter() - began
        for labels, value in zip(self._own, (float(self.health == "up"), self.seconds, count), strict=True):
            storage.add(labels, at_s, value)

    def store(self, text: str, storage: Storage, at_s: float) -> int:
        """Store the samples of a scrape at `at_s`, and return their number. Raises ExpositionError."""
        again = values_again(text, self._heads)
        if again is None:
            return self._store_anew(list(lines(text)), storage, at_s)
        for stored, value in zip(self._in_order, again, strict=True):
            if stored is not None:
                stored.add(at_s, value, storage.retention_s)
        return len(again)

    def _store_anew(self, found: list[tuple[str, float, float | None]], storage: Storage, at_s: float) -> int:
        now = set()
        for series, value, said_s in found:
            own_s = said_s if self.job.honor_timestamps else None
            if series not in self._series:
                labels = self._labels(series)
                self._series[series] = storage.series(labels) if labels else None
            stored = self._series[series]
            if stored is None:
                continue
            stored.add(at_s if own_s is None else own_s, value, storage.retention_s)
            if own_s is None:  # what has a time of its own ends by its age
                now.add(series)
        self._end(self._last - now, storage, at_s)
        self._last = now
        timeless = not self.job.honor_timestamps or all(said_s is None for _, _, said_s in found)
        self._heads = [head(series) for series, _, _ in found] if timeless else []
        self._in_order = [self._series[series] for series, _, _ in found] if timeless else []
        return len(found)

    def _labels(self, series: str) -> Labels | None:
        """The labels of a sample with those of its target; None: it is dropped."""
        labels = dict(labels_in(series))
        for name, value in self.labels:
            if name in labels and not self.job.honor_labels:
                labels[f"exported_{name}"] = labels[name]
            if name not in labels or not self.job.honor_labels:
                labels[name] = value
        kept = relabelled(labels, self.job.metric_relabel)
        return labels_of(kept) if kept else None

    def end(self, storage: Storage, at_s: float) -> None:
        """All its series end, but `up`."""
        self._end(self._last, storage, at_s)
        self._last, self._heads, self._in_order = set(), [], []

    def _end(self, series: set[str], storage: Storage, at_s: float) -> None:
        for each in series:
            if (stored := self._series.pop(each)) is not None:
                stored.end(at_s, storage.retention_s)

    def leave(self, storage: Storage) -> None:
        """It is no target any more: `up` ends, too."""
        at_s = time.time()
        self.end(storage, at_s)
        for labels in self._own:
            storage.end(labels, at_s)


class Scraper:
    """All targets of all jobs.

    Args:
        jobs: of the configuration.
        storage: where samples go.
        found: the discovered targets of a role of Kubernetes, as of now.
    """

    def __init__(self, jobs: tuple[ScrapeJob, ...], storage: Storage, found: Callable[[str], list[Discovered]]) -> None:
        self._jobs = jobs
        self._storage = storage
        self._found = found
        self._tasks: dict[tuple[str, str, Labels], tuple[ScrapeTarget, asyncio.Task[None]]] = {}
        self._known: dict[tuple[str, Labels], ScrapeTarget | None] = {}
        self._static = [
            (job, {"__address__": each, **one.labels}) for job in jobs for one in job.static for each in one.addresses
        ]
        self._offered: list[tuple[ScrapeJob, Discovered]] = []
        self.dropped: list[Mapping[str, str]] = []

    @property
    def targets(self) -> list[ScrapeTarget]:
        """Those that are scraped."""
        return [target for target, _ in self._tasks.values()]

    async def run(self) -> None:
        """Scrape for ever what is discovered."""
        forgotten = time.monotonic()
        async with aiohttp.ClientSession(trust_env=False) as session:
            while True:
                self._reconcile(session)
                await asyncio.sleep(_RECONCILE_S)
                if time.monotonic() - forgotten > _FORGET_S:
                    forgotten = time.monotonic()
                    self._storage.forget(time.time())

    def _reconcile(self, session: aiohttp.ClientSession) -> None:
        offered = [
            *self._static,
            *((job, each) for job in self._jobs for role in job.roles for each in self._found(role)),
        ]
        if len(offered) == len(self._offered) and all(
            now is before for (_, now), (_, before) in zip(offered, self._offered, strict=True)
        ):
            return  # an object that changes gives new labels
        expected: dict[tuple[str, str, Labels], ScrapeTarget] = {}
        self._offered, self.dropped, known = offered, [], {}
        for job, discovered in offered:
            key = (job.name, labels_of(discovered))  # relabelled once: most targets stay
            known[key] = target = self._known[key] if key in self._known else target_of(job, discovered)
            if target is None:
                self.dropped.append(discovered)
            else:
                expected.setdefault((job.name, target.url, target.labels), target)
        self._known = known
        for gone in self._tasks.keys() - expected.keys():
            target, task = self._tasks.pop(gone)
            task.cancel()
            target.leave(self._storage)
        for new in expected.keys() - self._tasks.keys():
            self._tasks[new] = (expected[new], asyncio.create_task(self._again(expected[new], session)))

    async def _again(self, target: ScrapeTarget, session: aiohttp.ClientSession) -> None:
        """Scrape a target at moments of its own: they are spread over the interval by its address."""
        interval_s, credentials = target.job.interval_s, ScrapeAccess(target.job)
        offset_s = zlib.crc32(target.url.encode()) % 1000 / 1000 * interval_s
        while True:
            await asyncio.sleep(interval_s - (time.time() - offset_s) % interval_s)
            await target.scrape(session, self._storage, credentials)


def target_of(job: ScrapeJob, discovered: Mapping[str, str]) -> ScrapeTarget | None:
    """What relabelling makes of a discovered target; None: it is dropped."""
    params = {f"__param_{name}": values[0] for name, values in job.params.items() if values}
    before = {"job": job.name, "__scheme__": job.scheme, "__metrics_path__": job.path, **params, **discovered}
    labels = relabelled(before, job.relabel)
    if not labels or not labels.get("__address__"):
        return None
    given = {name: values for name, values in job.params.items() if values}
    given |= {name.removeprefix("__param_"): (value,) for name, value in labels.items() if name.startswith("__param_")}
    query = "&".join(f"{name}={value}" for name, values in given.items() for value in values)
    url = f"{labels['__scheme__']}://{labels['__address__']}{labels['__metrics_path__']}{'?' if query else ''}{query}"
    public = {name: value for name, value in labels.items() if not name.startswith("__")}
    public.setdefault("instance", labels["__address__"])
    return ScrapeTarget(job=job, discovered=dict(discovered), labels=labels_of(public), url=url)
