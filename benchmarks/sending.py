"""Sending with n and 2n workers, and whether a generator that is starved is found out.

Workers are started as a run starts them, against one small server on the last core, each worker on a core of its own as
far as there are some. Two figures say whether a second worker is worth its core:

- achieved: at a rate that a core bears, what 2n workers sent over what n sent. This is the claim, while cores last: with
  two cores and the server on one of them the second worker shares its core, so the rate is one that both bear.
- capacity: requests per second of processor time, times workers: what they would send with a core each and nobody beside
  them. It shows what workers cost each other, and it does not hide behind a rate that is easily borne.

Then one worker is measured by itself, and with processes beside it that spin on its core. The judge's own receipt
decides: by itself it must be valid in a window at least (a noisy machine starves it too), beside the others in none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness import clock
from harness.drivers.load import Load, LoadSettings
from harness.evidence import History, read_history, read_rows
from harness.evidence.histories.generators import Generators
from harness.judgement.receipts.load import lag_p99_ms, load_receipt
from harness.model import (
    SAMPLES,
    Claim,
    Figure,
    Objective,
    Op,
    Phase,
    Plan,
    Quantity,
    Scenario,
    Table,
    TrafficPlan,
    Window,
    Worker,
)
from harness.units import NS_PER_S

ADDRESS: Final = "127.87.1.1"
PORT: Final = 8387
BODY: Final = '{"ok": true}'
CORES: Final = sorted(os.sched_getaffinity(0))
LOCUSTFILE: Final = Path(__file__).with_name("locustfiles") / "sending.py"
WARM_UP_S: Final = 2.0
GOAL: Final = 1.8
HOGS: Final = 8
"""Processes that spin: the worker's share of its core is a ninth, where 1000 requests a second take a fifth."""


_NGINX: Final = f"""
daemon off; worker_processes 1; pid DIRECTORY/pid; error_log DIRECTORY/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_temp_path DIRECTORY/body;
    scgi_temp_path DIRECTORY/s; proxy_temp_path DIRECTORY/p; fastcgi_temp_path DIRECTORY/f;
    uwsgi_temp_path DIRECTORY/u;
    server {{
        listen {ADDRESS}:{PORT} backlog=4096;
        location / {{ default_type application/json; return 200 '{BODY}'; }}
    }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class LoadFigures:
    """What one load did in its window.

    Attributes:
        per_s: requests per second sent. capacity: requests per second of processor time, times workers.
        lag_ms: p99 of the lag. cpu: of the busiest worker, share of a core. ok, why: the judge's receipt.
    """

    workers: int
    per_s: float
    capacity: float
    lag_ms: float
    cpu: float
    ok: bool
    why: str


def measured(workers: int, *, per_worker: float, seconds: float, hogs: int = 0) -> LoadFigures:
    """Offer the rate for some seconds and read what was recorded."""
    traffic = TrafficPlan(
        name="sending",
        locustfile=str(LOCUSTFILE),
        journeys_per_s=per_worker * workers,
        requests_per_journey=1,
        warm_up_s=WARM_UP_S,
        window_s=seconds,
        routes={"home": 1.0},
        users=1.0,
        workers=workers,
    )
    with tempfile.TemporaryDirectory() as text:
        run = Path(text)
        history = History(run / "history" / "load.ndjson", "load")
        settings = LoadSettings(plan=traffic, entry=f"http://{ADDRESS}:{PORT}", run_dir=run, seed=1)
        with Load(settings, history) as load:
            for number, pid in enumerate(load.pids):
                os.sched_setaffinity(pid, {CORES[number % len(CORES)]})
            with spinning(hogs):
                start_ns = load.begin_ns + round(WARM_UP_S * NS_PER_S)
                end_ns = start_ns + round(seconds * NS_PER_S)
                clock.sleep((end_ns - clock.now_ns()) / NS_PER_S)
        history.close()
        return judged(traffic, window_of(run, load, start_ns, end_ns))


def window_of(run: Path, load: Load, start_ns: int, end_ns: int) -> Window:
    """The window as the judge gets it."""
    observations = [o for path in (run / "history").glob("*.ndjson") for o in read_history(path)[0]]
    generators = Generators.of("sending", observations)
    read = [read_rows(path, SAMPLES) for path in load.rows]
    workers = [Worker(id=number, rows=len(rows.table), closed=rows.closed) for number, rows in enumerate(read, start=1)]
    return Window(
        name="sending/fault-free",
        phase=Phase.STEADY,
        traffic="sending",
        experiment="",
        start_ns=start_ns,
        end_ns=end_ns,
        journeys_per_s=0.0,
        requests_per_journey=1,
        samples=Table.merged(SAMPLES, [rows.table for rows in read]).between("intended_ns", start_ns, end_ns),
        workers=tuple(generators.described(worker, start_ns, end_ns) for worker in workers),
        begin_ns=generators.begin_ns,
        stopped_ns=generators.stopped_ns,
    )


def judged(traffic: TrafficPlan, window: Window) -> LoadFigures:
    """The judge's word on the window, where p95 is to be below 200 ms: a lag of 20 ms at p99 is allowed."""
    sentence = "the response time p95 is below 200 ms"
    limit = Quantity.parse("200 ms")
    expected = Objective(figure=Figure.RESPONSE_TIME, quantile=0.95, op=Op.BELOW, limit=limit, sentence=sentence)
    plan = Plan(
        run="sending",
        target="",
        environment="",
        time_scale=1,
        durability="",
        release="",
        profile="",
        seed=1,
        requirements=(),
        claims=(
            Claim(
                scenario=Scenario(file="a.feature", line=1, name=sentence),
                requirement="",
                objectives=(expected,),
                demands=(),
            ),
        ),
        demands=(),
        demand={},
        traffic={"sending": traffic},
        experiments={},
        primary_region="",
        regions={},
        deselected=(),
        not_assessable=(),
        probe_spacing_ms={},
    )
    receipt = load_receipt(plan, window, latencies=True)
    per_s = len(window.samples) / traffic.window_s
    used = [worker.cpu or 0.0 for worker in window.workers]
    return LoadFigures(
        workers=traffic.workers,
        per_s=per_s,
        capacity=per_s / max(sum(used), 1e-9) * traffic.workers,
        lag_ms=lag_p99_ms(window.samples),
        cpu=max(used),
        ok=bool(receipt.ok),
        why=receipt.why,
    )


@contextmanager
def server(directory: Path) -> Iterator[None]:
    """A server on the last core: nginx where there is one, else ours, which takes more of its core."""
    command = [sys.executable, __file__, "--serve"]
    if nginx := shutil.which("nginx"):
        (directory / "nginx.conf").write_text(_NGINX.replace("DIRECTORY", str(directory)), encoding="ascii")
        command = [nginx, "-c", str(directory / "nginx.conf"), "-e", str(directory / "error.log")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        os.sched_setaffinity(process.pid, {CORES[-1]})
        try:
            for _ in clock.Deadline.after(10).ticks(0.05):
                with suppress(OSError), socket.create_connection((ADDRESS, PORT)):
                    break
            yield
        finally:
            process.terminate()


class _Answering(asyncio.Protocol):
    """Answers each request, whatever it is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """One small request is one packet."""
        if data and isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode())


async def serve() -> None:
    """Serve until killed."""
    listening = await asyncio.get_running_loop().create_server(_Answering, ADDRESS, PORT, backlog=4096)
    await listening.serve_forever()


@contextmanager
def spinning(count: int) -> Iterator[None]:
    """So many processes that spin on the first core."""
    spin = ["-c", f"import os; os.sched_setaffinity(0, {{{CORES[0]}}})\nwhile True: pass"]
    # each a session of its own: the kernel shares a core between sessions before it does between processes
    hogs = [subprocess.Popen([sys.executable, *spin], start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def report(runs: list[LoadFigures], alone: list[LoadFigures], starved: list[LoadFigures], *, as_json: bool) -> int:
    """Print the figures; 0 when the goals are met."""
    sizes = sorted({one.workers for one in runs})
    few, many = sizes[0], sizes[-1]

    def median(workers: int, figure: str) -> float:
        return statistics.median(float(getattr(one, figure)) for one in runs if one.workers == workers)

    ratios = {figure: median(many, figure) / median(few, figure) for figure in ("per_s", "capacity")}
    found = not any(one.ok for one in starved)
    met = ratios["per_s"] >= GOAL and any(one.ok for one in alone) and found
    if as_json:
        each = {"runs": runs, "alone": alone, "starved": starved}
        plain = {name: [asdict(one) for one in group] for name, group in each.items()}
        print(json.dumps({**plain, "ratios": ratios, "goal": GOAL, "met": met}, indent=2))
        return 0 if met else 1
    print(f"{'workers':8} {'achieved/s':>11} {'lag p99 ms':>11} {'busiest core':>13} {'capacity/s':>11}")
    for workers in sizes:
        per_s, lag_ms, cpu, capacity = (median(workers, figure) for figure in ("per_s", "lag_ms", "cpu", "capacity"))
        print(f"{workers:<8} {per_s:11.0f} {lag_ms:11.1f} {cpu:13.0%} {capacity:11.0f}")
    print(f"\nachieved, {few} -> {many} workers on {len(CORES)} cores: {ratios['per_s']:.2f} x   goal >= {GOAL} x")
    print(f"capacity, {few} -> {many} workers: {ratios['capacity']:.2f} x   (processor time only)")
    for title, group in (("by itself", alone), (f"{HOGS} hogs beside", starved)):
        print(f"\none worker, {title}: valid in {sum(one.ok for one in group)} of {len(group)} windows")
        for one in group:
            print(f"  {one.why}")
    print("\ngoals met" if met else "\nGOALS MISSED")
    return 0 if met else 1


def main() -> int:
    """Measure, print, and end with 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1, help="n; 2n are compared with it; default: 1")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds; default: 3")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each window; default: 8")
    parser.add_argument("--rate", type=float, default=1000.0, help="requests per second and worker; default: 1000")
    parser.add_argument("--quick", action="store_true", help="1 round of 4 s: shows that it works, proves little")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    rounds, seconds = (1, 4.0) if options.quick else (options.rounds, options.seconds)
    with tempfile.TemporaryDirectory() as directory, server(Path(directory)):
        runs = [
            measured(workers, per_worker=options.rate, seconds=seconds)
            for _ in range(rounds)
            for workers in (options.workers, 2 * options.workers)
        ]
        alone, starved = [], []
        for _ in range(rounds):
            alone.append(measured(1, per_worker=options.rate, seconds=seconds))
            starved.append(measured(1, per_worker=options.rate, seconds=seconds, hogs=HOGS))
    return report(runs, alone, starved, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
