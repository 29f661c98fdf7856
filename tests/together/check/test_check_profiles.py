"""CPU profiles as the sandbox's services write them and as a check reads them."""

from __future__ import annotations

import gzip
import time

from claims.monitor.pprof import CpuProfile, read_profile
from claims.monitor.profiles import _profiled
from readiness_sandbox.platform.normaldance.kit.profiles import Sampler


def _sampled(busy_s: float) -> bytes:
    sampler = Sampler()
    sampler.begin()
    end = time.process_time() + busy_s
    while time.process_time() < end:
        sum(range(1000))
    sampler.end()
    return gzip.compress(sampler.encoded())


def test_a_profile_has_the_cpu_time_that_was_used() -> None:
    """Most of it, in stacks that were met while it was used."""
    profile = read_profile(_sampled(0.2))
    assert (profile.why, profile.samples > 0) == ("", True)
    assert 0.1e9 < profile.cpu_ns < 0.5e9
    assert profile.seconds >= 0.2


def test_what_is_no_profile_says_why() -> None:
    """Half of one, a text, and one of memory."""
    assert read_profile(b"hello").why.startswith("not a profile: ")
    assert read_profile(_sampled(0.05)[:40]).why.startswith("not a profile: ")
    assert read_profile(gzip.compress(bytes((64 << 20) + 1), 1)).why == "not a profile: it is larger than 64 MiB"
    heap = b"\x0a\x02\x08\x01\x32\x00\x32\x05space"
    assert read_profile(heap).why == "its samples are of space, not of cpu"


def test_a_service_is_profiled_where_each_of_its_pods_is() -> None:
    """Long enough, and with samples of each; a pod that is idle in all readings shows nothing; no ready pod in a region fails."""
    whole, idle = CpuProfile(seconds=1.0, samples=3, cpu_ns=12_000_000), CpuProfile(seconds=1.0)
    short, gone = CpuProfile(seconds=0.2, samples=1, cpu_ns=1), CpuProfile(why="till-0: status 404")

    def told(*some: CpuProfile, away: tuple[str, ...] = (), earlier: tuple[str, ...] = ()) -> tuple[bool | None, str]:
        pods = {f"north/till-{n}": one for n, one in enumerate(some)}
        fact = _profiled("till", pods, 0.5, away, {*earlier, *(pod for pod, one in pods.items() if one.samples)})
        return fact.ok, fact.observed

    assert told(whole, whole) == (True, "2 pods, 1.00 s or more, 6 samples, 24 ms of CPU")
    one_idle = "2 pods, 1.00 s or more, 3 samples, 12 ms of CPU"
    assert told(whole, idle) == (None, f"{one_idle}; none of north/till-1")
    assert told(whole, idle, earlier=("north/till-1",)) == (True, one_idle)
    assert [told(*some)[0] for some in ([idle], [whole, short], [whole, gone])] == [False, False, False]
    assert told(whole, gone)[1] == "till-0: status 404"
    assert told(whole, away=("south",)) == (False, "no pod is ready in south")
    assert told(away=("south",)) == (False, "no pod is ready in south")
