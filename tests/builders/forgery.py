"""Run directories as somebody would forge them: each by a number, and what must hold of every one of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from harness.cli import _code
from harness.evidence import RunDirectory
from harness.evidence.manifest import MANIFEST, evidence_files, sha256_of

SLOWEST_S: Final = 10.0
"""Of processor time: a command that judges a small run takes a third of a second."""
STUCK_S: Final = 120.0
"""Of time: a command that waits takes no processor time, and the machine may be busy."""
_LINE: Final = 1 << 20

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**63,
    2**70,
    10**400,
    1e308,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "\ud800",
    "\x00",
    "\x1b[31m]8;;http://a\x07",
    "a\nb",
    "]]>&<\ufffe",
    "../../outside/secret",
    "/dev/zero",
    "everyday/../../../outside",
    "x" * 5000,
    [],
    {},
    [[[]]],
    {"a": {"b": [1, "c"]}},
)
"""What a field may have in place of what belongs there."""


class _Hangs(BaseException):
    """The time is over; no `except Exception` may keep it."""


@dataclass(frozen=True, kw_only=True)
class Forged:
    """A forged run: `run` beside `outside`, which nothing may read into a report or write to."""

    run: Path
    outside: Path
    rng: random.Random
    bombs: Path

    def some_file(self, pattern: str = "*") -> Path:
        """One of the run's files."""
        files = [path for path in sorted(self.run.rglob(pattern)) if path.is_file() and not path.is_symlink()]
        return self.rng.choice(files or [self.run / "plan.json"])

    def place(self, path: Path) -> Path:
        """The path, with nothing there."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _link(f: Forged) -> None:
    """A link in the place of a file or directory, to what is outside, nowhere, or itself."""
    names = ["verdict.json", "readiness.html", "junit.xml", "summary.md", "allure-results", ".verdict.json.partial"]
    names += ["history", "watch/entry.parquet", "checks", "baseline", "plan.json", "manifest.json", "running.json"]
    path = f.place(f.run / f.rng.choice(names))
    path.symlink_to(
        f.rng.choice([f.outside / "secret", f.outside, Path("nowhere"), Path(path.name), Path("/dev/zero")])
    )


def _pipe(f: Forged) -> None:
    """A named pipe, that whoever opens it waits for."""
    names = ["running.json", "plan.json", "manifest.json", "history/run.ndjson", "history/z.ndjson", "verdict.json"]
    os.mkfifo(f.place(f.run / f.rng.choice([*names, "watch/entry.parquet", "readiness.html", "checks/a.rows"])))


def _socket(f: Forged) -> None:
    """A socket."""
    place = f.place(f.some_file()).parent
    with contextlib.chdir(place), contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind("s")  # the whole path may be too long for an address


def _hard_link(f: Forged) -> None:
    """A report that is another name of a file outside."""
    os.link(f.outside / "secret", f.place(f.run / f.rng.choice(["verdict.json", "readiness.html", "summary.md"])))


def _manifest(f: Forged) -> None:
    """A manifest that lists what is outside, or what cannot be."""
    manifest = json.loads((f.run / MANIFEST).read_text(encoding="utf-8"))
    secret = f.outside / "secret"
    entry = {"bytes": secret.stat().st_size, "sha256": sha256_of(secret)}
    name = f.rng.choice(
        ["../outside/secret", str(secret), "", ".", "a\x00b", "x" * 5000, "\ud800", "/dev/zero", "a/" * 2000]
    )
    manifest["files"][name] = f.rng.choice(
        [entry, {}, [], {"bytes": 10**30, "sha256": 0}, {"bytes": -1, "sha256": "x"}]
    )
    (f.run / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _deep(f: Forged) -> None:
    """JSON nested a hundred thousand times, or a few hundred."""
    deep = f.rng.choice([200, 900, 100_000])
    text = f'{{"pid": {"[" * deep}{"]" * deep}, "files": {"[" * deep}{"]" * deep}}}'
    line = f'{{"seq":0,"clock":"","mono_ns":0,"wall":"","kind":"a","subject":"b","fields":{{"a":{"[" * deep}{"]" * deep}}}}}\n'
    name = f.rng.choice(["running.json", "plan.json", MANIFEST, "history/z.ndjson"])
    (f.run / name).write_text(line if name.startswith("history") else text, encoding="utf-8")


def _hole(f: Forged) -> None:
    """A file of a terabyte that takes no room."""
    path = f.some_file()
    with path.open("r+b") as file:
        file.truncate(f.rng.choice([1 << 40, 1 << 31]))


def _bytes(f: Forged) -> None:
    """Some bytes changed, cut off, or put behind."""
    path = f.some_file()
    body = bytearray(path.read_bytes())
    match f.rng.randrange(3):
        case 0:
            for _ in range(f.rng.randint(1, 8)):
                body[f.rng.randrange(max(len(body), 1)) : 1] = bytes([f.rng.randrange(256)])
        case 1:
            del body[f.rng.randrange(len(body) + 1) :]
        case _:
            body += f.rng.randbytes(f.rng.randint(1, 300))
    path.write_bytes(body)


def _moved(f: Forged) -> None:
    """A file that is gone, is there twice, has the place of another, or is a directory."""
    one, other = f.some_file(), f.some_file()
    match f.rng.randrange(4):
        case 0:
            one.unlink()
        case 1:
            shutil.copyfile(one, one.with_name(f"z-{one.name}"))
        case 2 if one != other:
            shutil.copyfile(one, other)
        case _:
            f.place(one).mkdir()


def _history(f: Forged) -> None:
    """One value of one observation."""
    path = f.some_file("*.ndjson")
    lines = path.read_text(encoding="utf-8").splitlines()
    if lines:
        at = f.rng.randrange(len(lines))
        lines[at] = json.dumps(_other_value(json.loads(lines[at]), f.rng))
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _plan(f: Forged) -> None:
    """One value of the plan."""
    plan = _other_value(json.loads((f.run / "plan.json").read_text(encoding="utf-8")), f.rng)
    (f.run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")


def _other_value(value: Any, rng: random.Random) -> Any:
    """The value with one of those in it exchanged, left out, or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.95:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _other_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.95:
        at = rng.randrange(len(value))
        return [*value[:at], _other_value(value[at], rng), *value[at + 1 :]]
    return rng.choice(VALUES)


def _outside(f: Forged) -> None:
    """An observation that names files outside the run."""
    away = f.rng.choice(
        ["../../outside/secret", str(f.outside / "secret"), "../outside/secret.rows", "x" * 3000, "a\x00"]
    )
    lines = [
        ("rows.sealed", away, {"rows": 1, "closed": True, "truncated_bytes": 0}),
        ("check.done", "check a", {"file": away, "facts": 1, "covered": 1, "of": 1}),
        ("worker.started", away, {"worker": 0}),
        (
            "window.opened",
            f"experiment:{away}/fault",
            {"traffic": away, "phase": "fault", "start_ns": 0, "experiment": away},
        ),
        ("window.closed", f"experiment:{away}/fault", {"end_ns": 10**9}),
        ("experiment.started", away, {"attempt": 1, "domain": "pod", "observed_from_ns": 0}),
        ("watch.started", "entry", {"spacing_ms": 1.0, "file": away}),
    ]
    source = f.rng.choice(["run", "zz"])
    path = f.run / f"history/{source}.ndjson"
    there = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    last: dict[str, Any] = json.loads(there[-1]) if there else {"seq": -1, "mono_ns": 0, "clock": "", "wall": ""}
    for number, (kind, subject, fields) in enumerate(f.rng.sample(lines, 4), start=1):
        there.append(
            json.dumps({**last, "seq": last["seq"] + number, "kind": kind, "subject": subject, "fields": fields})
        )
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([*there, ""]), encoding="utf-8")


def _table(f: Forged) -> None:
    """A table that has something else in a column, or is a bomb."""
    path = f.some_file("*.parquet")
    if path.suffix != ".parquet":
        return
    if f.rng.random() < 0.4:
        shutil.copyfile(f.rng.choice(sorted(f.bombs.iterdir())), path)
        return
    table = pq.read_table(path)
    names, n = table.column_names, len(table)
    others = [pa.nulls(n), pa.array(["x"] * n), pa.array([-(2**62)] * n), pa.array([[1]] * n), pa.array([2**62] * n)]
    at = f.rng.randrange(len(names))
    match f.rng.randrange(4):
        case 0:
            table = table.drop_columns([names[at]])
        case 1:
            table = table.append_column(names[at], f.rng.choice(others))
        case 2:
            table = pa.concat_tables([table] * 3)
        case _:
            table = table.set_column(at, names[at], f.rng.choice(others))
    pq.write_table(table, path, compression="gzip")


def _names(f: Forged) -> None:
    """Names that no file of ours has, and directories in directories."""
    match f.rng.randrange(3):
        case 0:
            (f.run / f.rng.choice(["a\nb", "\x1b[31m", "history/\u202e.ndjson"])).write_text("", encoding="utf-8")
        case 1:
            Path(os.fsdecode(os.fsencode(f.run) + b"/history/\xff.ndjson")).write_text("", encoding="utf-8")
        case _:
            (f.run / "/".join(["d"] * f.rng.choice([13, 400]))).mkdir(parents=True)


FORGERIES: Final[Mapping[str, Callable[[Forged], None]]] = {
    forgery.__name__.strip("_"): forgery
    for forgery in (
        *(_history, _plan, _manifest, _outside, _table, _bytes, _deep, _moved, _names),
        *(_hard_link, _hole, _socket, _link, _pipe),
    )
}


def make_bombs(folder: Path, like: Path) -> None:
    """Small files that become large: a table of many rows, one of a long word."""
    folder.mkdir()
    table = pq.read_table(like).slice(0, 1)
    for name, rows, word in (("rows", 1 << 20, "a"), ("word", 4, "a" * (1 << 22))):
        columns = [pa.array([word if pa.types.is_string(field.type) else 1], field.type) for field in table.schema]
        with pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="gzip") as writer:
            row = pa.table(columns, schema=table.schema)
            many = row.take(pa.array([0] * min(rows, 1 << 16)))
            for _ in range(max(rows >> 16, 1)):
                writer.write_table(many, row_group_size=1 << 22)


def forge(original: Path, box: Path, seed: int) -> tuple[Forged, str]:
    """The original with one to three forgeries, in half of all cases sealed again; and their names."""
    rng = random.Random(seed)
    shutil.rmtree(box, ignore_errors=True)
    (box / "outside").mkdir(parents=True)
    (box / "outside" / "secret").write_text("canary\n", encoding="utf-8")
    shutil.copytree(original, box / "run")
    forged = Forged(run=box / "run", outside=box / "outside", rng=rng, bombs=original.parent / "bombs")
    order = list(FORGERIES)  # pipes last: what is read after them would wait
    names = sorted(rng.choices(order, k=rng.choice([1, 1, 2, 3])), key=order.index)
    for name in names:
        with contextlib.suppress(
            OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, pa.ArrowException
        ):
            FORGERIES[name](forged)  # one may have taken away what the next one needs
    sealing, manifest = rng.random() < 0.5, forged.run / MANIFEST
    if sealing and manifest.is_file() and manifest.stat().st_size < _LINE * 64:
        names.append("sealed again")
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            _seal_again(forged.run)
    return forged, ", ".join(names)


def _seal_again(run: Path) -> None:
    manifest = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    files = {path for path in evidence_files(RunDirectory(run)) if path.stat().st_size < _LINE * 64}
    manifest["files"] |= {
        path.relative_to(run).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in files
    }
    manifest["files"] = {
        name: entry for name, entry in manifest["files"].items() if ".." in name or (run / name).exists()
    }
    (run / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def wrong_with(forged: Forged, command: str, *, was_go: bool) -> list[str]:
    """What must not be, of `readiness COMMAND` on a forged run: a hang, a traceback, a write outside, a GO that was none."""
    before = _digest(forged.outside)
    code, said = call([command, str(forged.run)])
    found = []
    if code not in {0, 1, 4, 10} or "Traceback" in said:
        found.append(f"exit {code}: {said[-1500:]}")
    if _digest(forged.outside) != before:
        found.append("something outside was written")
    if code == 0 and not was_go:
        decided = json.loads((forged.run / "verdict.json").read_text(encoding="utf-8"))["decision"]
        if decided == "GO":
            found.append("GO, which the original was not")
    return found


def call(arguments: list[str]) -> tuple[int, str]:
    """The exit code of the command in this process, and all it said; -1 where it did not end in time."""
    said, argv = io.StringIO(), sys.argv
    sys.argv = ["readiness", *arguments]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), _in_time():
            code = _code()
    except _Hangs:
        code = -1
    finally:
        sys.argv = argv
    return code, said.getvalue()


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    def over(*_: object) -> None:
        raise _Hangs

    alarms = {signal.SIGPROF: (signal.ITIMER_PROF, SLOWEST_S), signal.SIGALRM: (signal.ITIMER_REAL, STUCK_S)}
    before = {number: signal.signal(number, over) for number in alarms}
    for timer, seconds in alarms.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, _ in alarms.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _digest(folder: Path) -> str:
    """Names, sizes and bytes of all that is below."""
    told = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        told.update(f"{path} {path.lstat().st_mode}".encode())
        told.update(path.read_bytes() if path.is_file() else b"")
    return told.hexdigest()
