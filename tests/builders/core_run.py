"""What a healthy run of profile core records, made in memory: 400 s, four faults, each undone and restored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from harness.model import (
    JOURNEY_READS,
    JOURNEY_REPEATS,
    JOURNEY_WRITES,
    LEDGER_FINAL,
    LEDGER_READS,
    LEDGER_WRITES,
    PROBES,
    REPLICAS,
    SAMPLES,
    Check,
    Evidence,
    Fact,
    FinalRead,
    Ledger,
    Observation,
    Phase,
    ReleaseRead,
    RunStarted,
    Steady,
    Table,
    WatchSource,
    Window,
    Words,
    Worker,
    after_faults_name,
    after_name,
    fault_free_name,
    fault_name,
)
from tests.builders.core_course import (
    BESIDE,
    HEALTHY,
    KILLED,
    MEMBERS,
    NEW,
    PRIMARY,
    ROUTES,
    SHARES,
    WRITING,
    Course,
    every,
    ns,
    table,
    within,
)
from tests.builders.core_histories import experiments, leaders, nodes, pods
from tests.builders.core_plan import core_plan


def samples(course: Course = HEALTHY) -> Table:
    """100 requests a second, four routes in turn, by region as declared; in an outage what it hits fails after 5 ms."""
    due = every(0, course.end, 100)
    n, turn = len(due), np.arange(len(due))
    region = np.random.default_rng(1).choice(list(SHARES), n, p=list(SHARES.values())).astype(object)
    lost = within(due, [(act.sent, act.gone or act.sent) for act in course.acts if act.domain == "region"])
    region[lost & (region == PRIMARY)] = "eu-west-1"
    writing = np.isin(np.array(ROUTES)[turn % 4], WRITING)
    bad = (within(due, course.outages("reads")) & ~writing) | (within(due, course.outages("writes")) & writing)
    region[bad] = None
    pod = np.array([f"track-service-{name}" for name in region], dtype=object)
    killed = region == PRIMARY
    pod[killed] = BESIDE
    sent = course.of("pod").sent
    pod[killed & (turn % 3 == 0) & (due < ns(sent + 0.1))] = KILLED
    pod[killed & (turn % 3 == 0) & (due >= ns(sent + 5))] = NEW
    pod[bad] = None
    took = np.where(bad, 5.0, 20.0 + turn * 7 % 10)
    return table(
        SAMPLES,
        n,
        intended_ns=due,
        sent_ns=due + 400_000,
        done_ns=due + np.round(took * 1e6).astype(np.int64),
        status=np.where(bad, 503, 200),
        bytes=np.where(bad, 20, 240),
        worker=1,
        arrival=turn // 4 + 1,
        connection=turn // 4 % 150 + 1,
        journey="listen",
        step=[str(i % 4 + 1) for i in range(n)],
        name=[ROUTES[i % 4] for i in range(n)],
        method=["POST" if w else "GET" for w in writing.tolist()],
        region="home",
        served_region=region.tolist(),
        served_pod=pod.tolist(),
        release=[None if b else "1.0.0" for b in bad.tolist()],
        error=["status 503" if b else None for b in bad.tolist()],
    )


def windows(rows: Table, course: Course = HEALTHY) -> dict[str, Window]:
    """The windows of the run, joined end to end."""
    cuts: list[tuple[str, Phase, str, float, float]] = []
    start, name, last = 0.0, fault_free_name("everyday"), ""
    for act in course.acts:
        cuts.append((name, Phase.STEADY, last, start, act.sent))
        cuts.append((fault_name(act.name, act.attempt), Phase.FAULT, act.name, act.sent, act.restored))
        start, name, last = act.restored, after_name(act.name, act.attempt), act.name
    cuts.append((after_faults_name("everyday"), Phase.STEADY, "", start, course.end))
    return {
        name: Window(
            name=name,
            phase=phase,
            traffic="everyday",
            experiment=experiment,
            start_ns=ns(begin),
            end_ns=ns(end),
            journeys_per_s=25.0,
            requests_per_journey=4,
            samples=rows.between("intended_ns", ns(begin), ns(end)),
            workers=(Worker(id=1, rows=len(rows), closed=True, cpu=0.2, gc_ms=1.0, loop_ms=2.0, users=150),),
            files=("load/everyday/samples-1.parquet",),
            begin_ns=ns(-12),
            stopped_ns=ns(course.end),
        )
        for name, phase, experiment, begin, end in cuts
    }


def probes(course: Course = HEALTHY) -> Table:
    """The entry: 50 reads and 65 health probes a second. Each region's own door: 5 reads and 25 health probes a second."""
    parts = []
    for subject in ("entry", *SHARES):
        for kind, per_s in (("read", 50 if subject == "entry" else 5), ("health", 65 if subject == "entry" else 25)):
            due = every(0, course.end, per_s)
            away = course.outages("reads") if (subject, kind) == ("entry", "read") else []
            if subject == PRIMARY:
                away = [(act.sent + 0.1, act.gone + 1) for act in course.acts if act.domain == "region" and act.gone]
            out = within(due, away)
            parts.append(
                table(
                    PROBES,
                    len(due),
                    due_ns=due,
                    sent_ns=due + 100_000,
                    done_ns=due + 3_100_000,
                    status=np.where(out, 0, 200),
                    subject=subject,
                    kind=kind,
                    connection="kept",
                    error=["refused" if o else None for o in out.tolist()],
                )
            )
    return Table.merged(PROBES, parts)


def ledger(course: Course = HEALTHY) -> Ledger:
    """30 writes a second, read back at once, and after each restore and at the end read from the database and through each region."""
    due = every(0, course.end, 30)
    n = len(due)
    out = within(due, course.outages("writes"))
    written = table(
        LEDGER_WRITES,
        n,
        by=1,
        id=np.arange(n),
        intended_ns=due,
        made_ns=due + 100_000,
        accepted_ns=due + 5_100_000,
        status=np.where(out, 503, 201),
        again=np.where(~out & (np.arange(n) % 10 == 0), 201, 0),
        outcome=["refused" if o else "accepted" for o in out.tolist()],
        error=["status 503" if o else None for o in out.tolist()],
    )
    there = written.where(~out)
    back = table(
        LEDGER_READS,
        len(there),
        by=1,
        id=there.ints["id"],
        sent_ns=there.ints["accepted_ns"] + 100_000,
        seen_ns=there.ints["accepted_ns"] + 3_100_000,
        status=200,
        state="found",
    )
    finals, reads = [], []
    moments = [(act.name, act.restored + 0.5, "database") for act in course.acts]
    moments += [("end", course.end + 5 + i, source) for i, source in enumerate((*SHARES, "database"))]
    for number, (after, at, source) in enumerate(moments, start=1):
        rows = there.where(there.ints["accepted_ns"] < ns(at))
        finals.append(
            table(
                LEDGER_FINAL,
                len(rows),
                by=1,
                id=rows.ints["id"],
                round=number,
                seen_ns=ns(at),
                place=source,
                state="found",
            )
        )
        reads.append(FinalRead(round=number, after=after, complete=True, at_ns=ns(at), rows=len(rows), source=source))
    return Ledger(
        writes=written,
        final=Table.merged(LEDGER_FINAL, finals),
        reads=back,
        final_reads=tuple(reads),
        files=("watch/ledger-writes.parquet", "watch/ledger-final.parquet", "watch/ledger-reads.parquet"),
    )


REPEATED = 20
"""How many of the writes of each account are sent a second time with their key."""


def journeys(rows: Table, course: Course = HEALTHY) -> dict[str, Table]:
    """Each acknowledged POST of a journey: a track that it created, or the one play of a track; all are read back, and the first are sent twice."""
    good = rows.words["error"].missing
    schemas = {schema.name: schema for schema in (JOURNEY_WRITES, JOURNEY_REPEATS, JOURNEY_READS)}
    parts: dict[str, list[Table]] = {name: [] for name in schemas}
    for account, route in (("tracks", "create-track"), ("plays", "play-track")):
        own = rows.where(good & rows.words["name"].equals(route))
        ids = own.ints["arrival"] + 1000
        value = ids * 7 if account == "tracks" else 1
        parts[JOURNEY_WRITES.name].append(
            table(
                JOURNEY_WRITES,
                len(own),
                id=ids,
                digest=value,
                made_ns=own.ints["sent_ns"],
                accepted_ns=own.ints["done_ns"],
                by=1,
                item=account,
                outcome="accepted",
            )
        )
        twice = own.at(np.arange(REPEATED))
        numbers = twice.ints["arrival"] + 1000
        again = table(
            JOURNEY_REPEATS,
            len(twice),
            id=numbers,
            answered_id=numbers,
            first_ns=twice.ints["sent_ns"],
            made_ns=twice.ints["done_ns"] + 100_000,
            accepted_ns=twice.ints["done_ns"] + 2_100_000,
            status=201,
            by=1,
            item=account,
        )
        parts[JOURNEY_REPEATS.name].append(again)
        reads = table(JOURNEY_READS, len(own), id=ids, digest=value, seen_ns=ns(course.end + 3), status=200)
        words = {"item": Words.of([account] * len(own)), "state": Words.of(["found"] * len(own))}
        parts[JOURNEY_READS.name].append(replace(reads, words=words))
    return {name: Table.merged(schemas[name], tables) for name, tables in parts.items()}


def replicas(course: Course = HEALTHY) -> Table:
    """Five probes a second of each database member: the replicas lag by 40 ms."""
    due = every(0, course.end, 5)
    parts = [
        table(
            REPLICAS,
            len(due),
            at_ns=due,
            lag_ns=-1 if region == PRIMARY else 40_000_000,
            member=member,
            region=region,
            role="primary" if region == PRIMARY else "replica",
        )
        for member, region in MEMBERS.items()
    ]
    return Table.merged(REPLICAS, parts)


def checks() -> dict[str, Check]:
    """Every check that the plan asks for found one fact of each region, as expected."""
    plan = core_plan()
    facts = tuple(
        Fact(subject=region, expected="as declared", observed="as declared", ok=True, attempts=1, at_ns=ns(-20))
        for region in plan.regions
    )
    return {
        key: Check(demand=key, facts=facts, files=("history/checks.ndjson",))
        for key in plan.demands
        if key.startswith("check ")
    }


def observations(course: Course = HEALTHY) -> tuple[Observation, ...]:
    """Journeys in progress, each second."""
    return tuple(
        Observation(
            source="load-users-1",
            seq=i,
            clock="boot",
            mono_ns=ns(t),
            wall="",
            kind="load.users",
            subject="everyday",
            fields={"at_ns": ns(t), "users": 150},
        )
        for i, t in enumerate(range(round(course.end) + 1))
    )


def _release(when: str, at: float) -> ReleaseRead:
    images: Mapping[str, tuple[str, ...]] = {
        f"{region}/Deployment/{service}": (f"sha256:{service}",)
        for region in SHARES
        for service in ("api-gateway", "user-service", "track-service")
    }
    return ReleaseRead(when=when, at_ns=ns(at), workloads=images, version="1.0.0")


@cache
def core_evidence(course: Course = HEALTHY) -> Evidence:
    """All that the healthy run recorded."""
    plan, rows = core_plan(), samples(course)
    return Evidence(
        windows=windows(rows, course),
        probes=probes(course),
        replicas=replicas(course),
        ledger=ledger(course),
        recorded=journeys(rows, course),
        experiments=experiments(course),
        checks=checks(),
        pods=pods(course),
        nodes=nodes(course),
        leaders=leaders(course),
        started=RunStarted(
            run=plan.run,
            target=plan.target,
            release=plan.release,
            environment=plan.environment,
            time_scale=plan.time_scale,
            seed=plan.seed,
        ),
        release_reads=(_release("before", -15), _release("after", course.end + 20)),
        steady_end=Steady(ok=True, at_ns=ns(course.end - 1)),
        watchers={
            name: WatchSource(name=name, spacing_ms=spacing, closed=True)
            for name, spacing in {"entry": 20, "ledger": 33, "replicas": 200, "pods": 0, "regions": 200}.items()
        },
        observations=observations(course),
    )
