"""An answer that is read bit by bit (`stream=True`) takes until it is read, and fails where reading it fails."""

from __future__ import annotations

from collections import defaultdict

from load_bench import Run, columns, rows_after
from load_bench import stock_plan as plan
from load_truth import Reply, Seen, TruthServer

PAUSE_S = 0.4


def slow(seen: Seen) -> Reply:
    """Headers and half of the body at once, the other half later, or never."""
    body = b"one\ntwo\n"
    if seen.path == "/short":
        return Reply(body=body, how="cut", pause_s=PAUSE_S)
    return Reply(body=body, pause_s=60.0 if seen.path == "/endless" else PAUSE_S)


def test_a_stream_takes_until_it_is_read(run: Run, server: TruthServer) -> None:
    """With both clients, in a `with` and without; one that ends early has failed, one under way at the end is cut off."""
    server.behave = slow
    load = run.start(plan("stock_streams", users=2), server.url, drain_s=0.5)
    rows = rows_after(load, lambda: any(one.path == "/endless" for one in server.seen) and len(server.seen) >= 11)
    found: dict[str | None, list[tuple[float, str | None]]] = defaultdict(list)
    for name, error, sent_ns, done_ns in columns(rows, "name", "error", "sent_ns", "done_ns"):
        found[name].append(((done_ns - sent_ns) / 1e9, error))
    for name in ("caught", "by itself", "fast caught", "fast lines"):
        assert [error for _, error in found[name]] == [None], name
        assert all(PAUSE_S * 0.95 <= seconds < 10 * PAUSE_S for seconds, _ in found[name]), name
    assert all(seconds < PAUSE_S * 0.9 for seconds, _ in found["headers"])  # nobody waited for more
    assert [round(seconds, 4) for seconds, _ in found["own time"]] == [0.007]
    ended_early = found["short"] + found["short by itself"]
    assert len(ended_early) == 4
    assert all(error for _, error in ended_early)
    assert [error for _, error in found["endless"]] == ["cut_off"]
    assert run.broken() == []  # a stream that broke is no mistake of the file
