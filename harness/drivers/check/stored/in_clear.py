"""`markers-in-clear` and two more: check that what is written through the API is found in clear in no place in which it is stored."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from harness.clock import Deadline
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in, run_statement
from harness.drivers.check.stored.columns import columns_classified
from harness.drivers.check.stored.encrypted import cipher_of_values
from harness.drivers.check.stored.files import PlaceScan
from harness.drivers.check.stored.places import scan_place
from harness.drivers.check.stored.scanning import MarkerScan, new_marker, words_of
from harness.drivers.check.stored.written import WrittenMarkers, classes_in, refuse_writes, written
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, HarnessError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.stored import CLASSES, Encryption, Flush, MarkerWrite, StorePlace
from harness.units import NS_PER_S

IN_CLEAR: Final = SentenceForm(
    "marker-in-clear",
    "a marker written <found:noun>",
    "Random words are written through the API and searched for, in clear and in the usual encodings, in every place that the target file names; the word of class `none` must be found, else the scan saw nothing.",
)
_CONTROL: Final = "none"
_AGAIN_S: Final = 1.0
_SETTLE_S: Final = 3.0
"""Time after a write in which a service may still write its log."""
_NEEDED: Final = (
    RequiredKey("encryption", "the places in which data is stored are searched"),
    within("encryption.writes", "a marker is written through the API"),
    within("encryption.stores", "the places in which data is stored are searched"),
    RequiredKey("may_write", "a marker is written through the API"),
)


@claim(
    IN_CLEAR,
    "as <class:name> data is found in clear in no database file or write-ahead log",
    example="a marker written as personal data is found in clear in no database file or write-ahead log",
    fixed={"kind": "database"},
    needs=_NEEDED,
    seconds=10.0,
    again=False,
)
@claim(
    IN_CLEAR,
    "before the backup is found in clear in no backup file",
    name="marker-in-backups",
    fixed={"kind": "backup", "class": ""},
)
@claim(
    IN_CLEAR,
    "as <class:name> data is found in clear in no log",
    name="marker-in-logs",
    example="a marker written as personal data is found in clear in no log",
    fixed={"kind": "log"},
)
def markers_in_clear(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Markers are written by `encryption.writes`, read back, and searched for in `encryption.stores`: files, outputs of commands, volumes of pods, objects of backups.

    What is packed is searched unpacked too. A place that could not be read, that shows no control, or whose files do not begin as
    declared is named, and the result is unknown.
    """
    encryption = _encryption(target)
    classes = _classes(params["class"], encryption, target)
    stores = {name: one for name, one in encryption.stores.items() if params["kind"] in ("", one.kind)}
    if not stores:
        raise ConfigurationError(
            f"names no place of kind `{params['kind']}`",
            where=f"{target.file}: encryption.stores",
            hint=f"write `stores: {{NAME: {{kind: {params['kind']}, files: [PATH]}}}}`",
        )
    writes = tuple(one for one in encryption.writes if classes_in(one) & (classes | {_CONTROL}))
    refuse_writes(target, writes)
    return partial(_search, target, encryption, writes, stores, classes)


@claim(
    IN_CLEAR,
    "through the API is in clear in no data file, and no encrypted value names another cipher than <cipher:name>",
    name="marker-and-cipher",
    example="a marker written through the API is in clear in no data file, and no encrypted value names another cipher than AES-256",
    needs=(*_NEEDED, DATABASE, within("encryption.columns", "the values of every column are recognised")),
    seconds=15.0,
    again=False,
)
def markers_and_ciphers(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Markers of every class are searched for in every place that the target file names, backups and logs too, and the cipher of every encrypted value is read."""
    return _both(markers_in_clear(target, {"kind": "", "class": ""}), cipher_of_values(target, params))


@claim(
    "every column is classified and no <class:name> marker is found in clear in any database file",
    example="every column is classified and no personal marker is found in clear in any database file",
    needs=(*_NEEDED, DATABASE, within("encryption.columns", "the class of every column is compared with the tables")),
    seconds=10.0,
    again=False,
)
def classified_and_hidden(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every column of the database has a class in `encryption.columns`, and markers of one class are searched for in its data files and write-ahead logs."""
    hidden = markers_in_clear(target, {"kind": "database", "class": params["class"]})
    return _both(columns_classified(target), hidden)


def _both(one: FactProbe, other: FactProbe) -> FactProbe:
    """A probe of the facts of two."""
    return lambda: [*one(), *other()]


def _search(
    target: Target,
    encryption: Encryption,
    writes: Sequence[MarkerWrite],
    stores: Mapping[str, StorePlace],
    classes: frozenset[str],
) -> Sequence[FactReading]:
    """Write the markers, search for them, and remove what was written."""
    with ExitStack() as stack:
        done = [
            stack.enter_context(
                written(target, encryption, one, {kind: new_marker() for kind in classes_in(one)}, "markers-in-clear")
            )
            for one in writes
        ]
        seen = [one.fact for one in done]
        if not all(fact.ok for fact in seen):
            return seen  # nothing was stored, so nothing can be found
        seen += _flushed(target, encryption)
        seen += [fact for name, store in stores.items() if store.make for fact in _made(name, store, encryption)]
        found = _scanned(target, encryption, stores, done, classes)
        for name, (store, scan) in found.items():
            seen += _facts(name, store, scan, done, classes)
        return [*seen, *_not_proven(found, done)]


def _not_proven(
    found: Mapping[str, tuple[StorePlace, PlaceScan]], done: Sequence[WrittenMarkers]
) -> Iterator[FactReading]:
    """A fact of each write of several whose control is in no place that another write's control proves."""
    scans = [scan for store, scan in found.values() if store.proven_by == "control" and _proven(store, scan, done)]
    for n, one in enumerate(done):
        if scans and len(done) > 1 and not any(scan.times(f"{_CONTROL} {n}") for scan in scans):
            yield FactReading(
                subject=f"write {one.write.operation}: where it is stored",
                expected="its control is in one of the places",
                observed="in none: write `{none}` in its body, or name the place in `encryption.stores`",
                ok=None,
            )


def _encryption(target: Target) -> Encryption:
    if target.encryption is None:
        raise ConfigurationError(
            "does not say where data is stored",
            where=f"{target.file}: encryption",
            hint="write `encryption: {writes: [{operation: POST /people, …}], stores: {data: {files: [PATH]}}}`",
        )
    return target.encryption


def _classes(named: str, encryption: Encryption, target: Target) -> frozenset[str]:
    """The classes whose markers must not be found: the named one, or every one that is written."""
    there = frozenset(kind for one in encryption.writes for kind in classes_in(one)) - {_CONTROL}
    if named and named not in CLASSES:
        raise ConfigurationError(
            f"`{named}` is an unknown class of data",
            where="the sentence",
            hint=f"write one of {', '.join(CLASSES[:2])}",
        )
    if not there & ({named} if named else there):
        raise ConfigurationError(
            f"no write has a marker of class `{named or 'personal'}`",
            where=f"{target.file}: encryption.writes",
            hint=f"write `{{{named or 'personal'}}}` in the body of an operation that stores such data",
        )
    return frozenset({named}) if named else there


def _flushed(target: Target, encryption: Encryption) -> Iterator[FactReading]:
    """Let the database write its files; a fact only where that failed."""
    flush = encryption.flush
    if flush is None:
        return
    try:
        _flush(target, encryption, flush)
    except HarnessError as error:
        yield FactReading(subject="flush", expected="data files are written", observed=error.what, ok=None)


def _made(name: str, store: StorePlace, encryption: Encryption) -> Iterator[FactReading]:
    """Make a new backup; a fact only where that failed."""
    try:
        _run(store.make, encryption.within_s)
    except HarnessError as error:
        yield FactReading(subject=f"{name}: make", expected="a new backup is made", observed=error.what, ok=None)


def _flush(target: Target, encryption: Encryption, flush: Flush) -> None:
    if flush.sql:
        run_statement(encryption.dsn or database_in(target).dsn, flush.sql)
        return
    _run(flush.command, encryption.within_s)


def _run(command: Sequence[str], within_s: float) -> None:
    """Run a command of the target file to completion. Raises ConfigurationError: it could not be run, or failed."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=within_s, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"`{command[0]}` could not be run ({type(error).__name__})") from error
    if done.returncode:
        raise ConfigurationError(f"`{command[0]}` ended with exit code {done.returncode}")


def _scanned(
    target: Target,
    encryption: Encryption,
    stores: Mapping[str, StorePlace],
    done: Sequence[WrittenMarkers],
    classes: frozenset[str],
) -> dict[str, tuple[StorePlace, PlaceScan]]:
    """Search every place; one that lacks its control is searched again, until the time is over."""
    scan = MarkerScan({f"{kind} {n}": marker for n, one in enumerate(done) for kind, marker in one.markers.items()})
    deadline = Deadline.after(encryption.within_s)
    settled_ns = max(one.at_ns for one in done) + round(min(_SETTLE_S, encryption.within_s / 2) * NS_PER_S)
    found: dict[str, tuple[StorePlace, PlaceScan]] = {}

    def is_done(store: StorePlace, seen: PlaceScan) -> bool:
        if any(one.marker in _hidden(store, done, classes) for each in seen.found.values() for one in each):
            return True  # a second search may find it no more, as after a log's rotation
        return _proven(store, seen, done) and (store.kind != "log" or seen.began_ns >= settled_ns)

    for _ in deadline.ticks(_AGAIN_S):
        for name, store in stores.items():
            if name not in found or not is_done(*found[name]):
                again = scan_place(target, store, scan, deadline)
                if name not in found or not deadline.over:
                    found[name] = store, again
        if all(is_done(*one) for one in found.values()):
            break
    return found


def _hidden(store: StorePlace, done: Sequence[WrittenMarkers], classes: frozenset[str]) -> dict[str, str]:
    """Class of each marker that must not be in a place, by its name; of one that is encrypted as a whole the control must not be there either."""
    kinds = classes | ({_CONTROL} if store.begins else frozenset())
    return {f"{kind} {n}": kind for n in range(len(done)) for kind in sorted(kinds)}


def _times(scan: PlaceScan, done: Sequence[WrittenMarkers], kind: str) -> int:
    return sum(scan.times(f"{kind} {n}") for n in range(len(done)))


def _proven(store: StorePlace, scan: PlaceScan, done: Sequence[WrittenMarkers]) -> bool:
    """Whether the scan saw what was written after the markers, or with them."""
    if store.proven_by == "control":
        return _times(scan, done, _CONTROL) > 0
    return scan.newest_ns >= max(one.at_ns for one in done)


def _facts(
    name: str, store: StorePlace, scan: PlaceScan, done: Sequence[WrittenMarkers], classes: frozenset[str]
) -> Iterator[FactReading]:
    clear = _hidden(store, done, classes)
    kinds = sorted({*clear.values()})
    harmed = 0
    for file, found in scan.found.items():
        bad = {one: n for one, n in found.items() if one.marker in clear}
        if bad:
            harmed += 1
            words = ", ".join(dict.fromkeys(clear[one.marker] for one in bad))
            observed = f"the marker of class {words} {words_of(bad)}, {sum(bad.values())} times"
            yield FactReading(subject=f"{name}: {file}", expected="no marker", observed=observed, ok=False)
    for files, why in scan.not_read:
        yield FactReading(subject=f"{name}: {files}", expected="read and searched", observed=why, ok=None)
    for file in [one for one in scan.wrong if one not in scan.found][:5]:
        observed = "it begins otherwise, so whether it is encrypted is unknown"
        yield FactReading(
            subject=f"{name}: {file}", expected=f"begins with `{store.begins}`", observed=observed, ok=None
        )
    control = _times(scan, done, _CONTROL)
    proven = _proven(store, scan, done)
    proof = {
        ("control", True): f"the control was found {control} times",
        ("control", False): "the control was not found, so the scan proves nothing",
        ("fresh", True): "a file is newer than the write",
        ("fresh", False): "no file is newer than the write, so the scan proves nothing",
    }[store.proven_by, proven]
    yield FactReading(
        subject=name,
        expected=f"no marker of class {', '.join(kinds)} in clear",
        observed=f"{scan.files} files, {scan.size / 1e6:.1f} MB, {harmed or 'none'} with a marker; {proof}",
        ok=False if harmed else True if proven and scan.files else None,
    )
