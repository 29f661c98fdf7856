"""What a request costs the load generator in processor time: ours beside Locust's own users, aiohttp and wrk, in one run.

All ask one small server on another core for `{"ok": true}`; ours check that it says so, and record each answer. The
time is what the kernel counts for all threads, read in the middle of each run, so that starting up is left out; the
server counts the requests. Rounds are interleaved and medians compared, because the machine's own speed changes from
minute to minute. For the price of recording, one process of ours, at one constant rate, records a second and does not
record a second, by turns: the two of a pair, whose order turns as well, meet the same machine, memory and schedule. Its
goal is held to the geometric mean of all pairs (noise alone lifts the other one), with its 95 % interval (Student's).
The price of sending a trace id with each request is measured in the same way, beside recording.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from scipy import stats

from harness import clock
from harness.units import NS_PER_S

ADDRESS: Final = "127.86.1.1"
BODY: Final = '{"ok": true}'
CONNECTIONS: Final = 50
CORES: Final = sorted(os.sched_getaffinity(0))
LOCUSTFILE: Final = Path(__file__).with_name("locustfiles") / "cost.py"
LOCUSTS_OWN: Final = LOCUSTFILE.with_name("locusts_own.py")
GOALS: Final = (
    ("ours, closed / FastHttpUser, closed", "ours-closed", "fast", 1.2),
    ("ours, open / FastHttpUser at that rate", "ours", "fast-paced", 1.2),
    ("ours, open / FastHttpUser, closed", "ours", "fast", 1.2),
    ("ours, open / HttpUser, closed", "ours", "requests", 0.4),
)
MOST_FOR_RECORDING: Final = 1.03
MOST_FOR_TRACES: Final = 1.03
PAIRS: Final = 8
"""Of seconds with and without what is priced, a round."""

_NGINX: Final = """
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_temp_path {directory}/body; scgi_temp_path {directory}/s;
    proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u;
    server {{
        listen {address}:{port} backlog=4096;
        location = /served {{ stub_status; }}
        location / {{ default_type application/json; return 200 '{body}'; }}
    }}
}}
"""


@dataclass(kw_only=True, slots=True)
class Generator:
    """One way to make load.

    Attributes:
        title: for people.
        command: starts it; it goes on by itself for longer than it is measured.
        costs: microseconds of processor time a request, one a round.
        rates: requests per second meanwhile.
    """

    title: str
    command: list[str]
    costs: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        """The median."""
        return statistics.median(self.costs)


def locust(user: str, url: str, *arguments: str, file: Path = LOCUSTFILE) -> list[str]:
    """The command that offers load by this user class of a locustfile."""
    shown = ["--headless", "--only-summary", "--loglevel", "ERROR", "--exit-code-on-error", "0", "-t", "600s"]
    return [sys.executable, "-m", "locust", "-f", str(file), user, "-H", url, *shown, *arguments]


def generators(url: str, *, rate: float, directory: Path) -> dict[str, Generator]:
    """All there are on this machine; `rate` is that of the open models in requests per second."""
    closed = ["-u", str(CONNECTIONS), "-r", "1000"]
    recorded = ["--samples", str(directory / "samples")]
    found = {
        "ours": Generator(title="ours, open", command=locust("Ours", url, "--rate", f"{rate:g}", *recorded)),
        "ours-of-four": Generator(
            title="ours, open, journeys of four",
            command=locust("OursOfFour", url, "--rate", f"{rate / 4:g}", *recorded),
        ),
        "ours-closed": Generator(title="ours, closed", command=locust("OursClosed", url, *closed, *recorded)),
        "fast": Generator(title="Locust FastHttpUser, closed", command=locust("Fast", url, *closed, file=LOCUSTS_OWN)),
        "fast-paced": Generator(
            title="Locust FastHttpUser at that rate",
            command=[
                "env",
                f"COST_EACH_PER_S={rate / CONNECTIONS:g}",
                *locust("FastPaced", url, *closed, file=LOCUSTS_OWN),
            ],
        ),
        "stock": Generator(title="FastHttpUser that ours records", command=locust("Stock", url, *closed, *recorded)),
        "requests": Generator(
            title="Locust HttpUser, closed", command=locust("Requests", url, *closed, file=LOCUSTS_OWN)
        ),
        "aiohttp": Generator(title="aiohttp, closed", command=[sys.executable, __file__, "--ask", url]),
    }
    if wrk := shutil.which("wrk"):
        found["wrk"] = Generator(title="wrk, closed", command=[wrk, "-t1", f"-c{CONNECTIONS}", "-d600s", f"{url}/"])
    return found


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """A server: nginx where there is one, else ours; on the last core, at a port of its own. Its address."""
    with socket.create_server((ADDRESS, 0)) as free:
        port = free.getsockname()[1]
    url = f"http://{ADDRESS}:{port}"
    if nginx := shutil.which("nginx"):
        own = directory / f"nginx-{port}"
        own.mkdir()
        (own / "conf").write_text(_NGINX.format(directory=own, address=ADDRESS, port=port, body=BODY), encoding="ascii")
        command = [nginx, "-c", str(own / "conf"), "-e", str(own / "error.log")]
    else:
        command = [sys.executable, __file__, "--serve", str(port)]
    with running(command, core=CORES[-1]):
        for _ in clock.Deadline.after(10).ticks(0.05):
            try:
                served(url)
            except OSError:
                continue
            break
        else:
            raise SystemExit("the server did not start")
        yield url


@contextmanager
def running(command: list[str], *, core: int, run: Path | None = None) -> Iterator[int]:
    """The command on this core until the `with` ends; its process id. `run`: where observations go."""
    environment = {**os.environ, "READINESS_RUN": str(run)} if run else os.environ
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            os.sched_setaffinity(process.pid, {core})
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                process.kill()


def served(url: str) -> int:
    """Requests that the server has answered so far."""
    with urllib.request.urlopen(f"{url}/served") as answer:  # noqa: S310  # the address is ours
        words = answer.read().split()
    return int(words[words.index(b"requests") + 3])


def cpu_us(pid: int) -> float:
    """Microseconds of processor time of all threads of the process so far."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text(encoding="ascii").split()[0]) for path in threads) / 1000


@contextmanager
def loading(command: list[str], url: str, *, run: Path) -> Iterator[int]:
    """The command on the first core, making load for a second at least; its process id."""
    before = served(url)
    with running(command, core=CORES[0], run=run) as pid:
        for _ in clock.Deadline.after(30).ticks(0.05):
            if served(url) > before + 300:
                break
        clock.sleep(1.0)
        yield pid


def measured(pid: int, url: str, *, seconds: float) -> tuple[float, float]:
    """Microseconds of processor time a request, and requests per second, from now on."""
    then_ns, cpu, count = clock.now_ns(), cpu_us(pid), served(url)
    clock.sleep(seconds)
    now_ns, cpu, count = clock.now_ns(), cpu_us(pid) - cpu, served(url) - count
    if count < 100:
        raise SystemExit(f"made no load: {Path(f'/proc/{pid}/cmdline').read_text(encoding='utf-8')}")
    return cpu / count, count * NS_PER_S / (now_ns - then_ns)


def prices_by_turns(turn: signal.Signals, url: str, *, rate: float, directory: Path) -> list[float]:
    """Of each pair of seconds, what a request cost in the one with recording, or trace ids, over what it cost in the other.

    `turn` is the signal that ends and begins it: it is there in the first second.
    """
    prices = []
    with tempfile.TemporaryDirectory(dir=directory) as run:
        command = locust("Ours", url, "--rate", f"{rate:g}", "--arrivals", "constant", "--samples", f"{run}/samples")
        command += ["--traceparent", "20260131T000000Z-shop-1.0.0"] if turn is signal.SIGUSR2 else []
        with loading(command, url, run=Path(run)) as pid:
            for number in range(PAIRS):
                first, _ = measured(pid, url, seconds=1.0)
                os.kill(pid, turn)
                clock.sleep(0.1)
                second, _ = measured(pid, url, seconds=1.0)
                prices.append(second / first if number % 2 else first / second)
    return prices


@dataclass(kw_only=True, slots=True)
class Priced:
    """What is switched on and off in one process, to be priced.

    Attributes:
        title, turn, most: for people; the signal that ends and begins it; the most that the mean of its prices may be.
        prices: one a pair of seconds.
    """

    title: str
    turn: signal.Signals
    most: float
    prices: list[float] = field(default_factory=list)


def measure(*, rounds: int, seconds: float, rate: float) -> tuple[dict[str, Generator], list[Priced]]:
    """All generators in turn, every second round in the other order; and the prices of recording and of trace ids."""
    priced = [
        Priced(title="ours, all on record / nothing", turn=signal.SIGUSR1, most=MOST_FOR_RECORDING),
        Priced(title="ours, with trace ids / without", turn=signal.SIGUSR2, most=MOST_FOR_TRACES),
    ]
    with tempfile.TemporaryDirectory() as text, server(Path(text)) as url:
        directory = Path(text)
        found = generators(url, rate=rate, directory=directory)
        for number in range(rounds):
            for one in list(found.values())[:: -1 if number % 2 else 1]:
                for rows in directory.glob("samples*"):
                    rows.unlink()
                with loading(one.command, url, run=directory) as pid:
                    cost, per_s = measured(pid, url, seconds=seconds)
                one.costs.append(cost)
                one.rates.append(per_s)
            for one_priced in priced:
                one_priced.prices += prices_by_turns(one_priced.turn, url, rate=rate, directory=directory)
    return found, priced


class _Answering(asyncio.Protocol):
    """The server where there is no nginx: answers each request by its first line."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """One small request is one packet."""
        _Answering.count += 1
        body = BODY if not data.startswith(b"GET /served ") else f"server accepts handled requests\n 0 0 {self.count} "
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(f"{head}{body}".encode())


async def serve(port: int) -> None:
    """Serve until killed."""
    listening = await asyncio.get_running_loop().create_server(_Answering, ADDRESS, port, backlog=4096)
    await listening.serve_forever()


async def ask(url: str) -> None:
    """Ask with aiohttp until killed."""

    async def one(session: aiohttp.ClientSession) -> None:
        while True:
            async with session.get(f"{url}/") as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await asyncio.gather(*(one(session) for _ in range(CONNECTIONS)))


def goals(found: dict[str, Generator], priced: list[Priced]) -> list[tuple[str, float, float]]:
    """Name, the ratio that was measured, and the most it may be."""
    ratios = [(name, found[own].cost / found[peer].cost, most) for name, own, peer, most in GOALS]
    return [*((one.title, statistics.geometric_mean(one.prices), one.most) for one in priced), *ratios]


def interval(prices: list[float]) -> tuple[float, float]:
    """Of their geometric mean, 95 %."""
    logs = [math.log(price) for price in prices]
    reach = float(stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs))
    middle = statistics.mean(logs)
    return math.exp(middle - reach), math.exp(middle + reach)


def report(found: dict[str, Generator], priced: list[Priced], *, as_json: bool) -> int:
    """Print the figures; 0 when all goals are met."""
    judged = goals(found, priced)
    met = all(ratio <= most for _, ratio, most in judged)
    if as_json:
        figures = {name: {"us": one.cost, "each_us": one.costs, "per_s": one.rates} for name, one in found.items()}
        each = [{"goal": name, "ratio": ratio, "most": most} for name, ratio, most in judged]
        pairs = {one.title: {"pairs": one.prices, "interval": interval(one.prices)} for one in priced}
        print(json.dumps({"generators": figures, "pairs": pairs, "goals": each, "met": met}, indent=2))
        return 0 if met else 1
    print(f"{'one core, one process':34} {'us/request':>10} {'(range)':>16} {'requests/s':>11} {'ours is':>9}")
    for one in found.values():
        span = f"({min(one.costs):.1f}..{max(one.costs):.1f})"
        ratio = found["ours"].cost / one.cost
        print(f"{one.title:34} {one.cost:10.1f} {span:>16} {statistics.median(one.rates):11.0f} {ratio:8.2f}x")
    print()
    for one_priced in priced:
        low, high = interval(one_priced.prices)
        print(
            f"{one_priced.title}, mean of {len(one_priced.prices)} pairs of seconds: 95 % interval {low:.3f}..{high:.3f}"
        )
    for name, ratio, most in judged:
        print(f"{name:38} {ratio:10.3f}   goal <= {most:<5g} {'met' if ratio <= most else 'MISSED'}")
    return 0 if met else 1


def main() -> int:
    """Measure, print, and end with 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; default: 5")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement; default: 5")
    parser.add_argument("--rate", type=float, default=2000.0, help="requests per second, open models; default: 2000")
    parser.add_argument("--quick", action="store_true", help="1 round of 3 s: shows that it works, proves little")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve or options.ask:
        asyncio.run(serve(options.serve) if options.serve else ask(options.ask))
    rounds, seconds = (1, 3.0) if options.quick else (options.rounds, options.seconds)
    found, priced = measure(rounds=rounds, seconds=seconds, rate=options.rate)
    return report(found, priced, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
