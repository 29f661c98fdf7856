"""`saved-configuration` and `restored-configuration`: the copies of the configuration are what is live, and an older version can be restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.backups.manifests import (
    ConfigurationState,
    difference_facts,
    files_below,
    live_state,
    state_of,
    unpacked,
)
from harness.drivers.check.backups.place import strange_facts
from harness.drivers.check.backups.stores import BACKUPS, list_store, store_of, whole_of
from harness.drivers.check.backups.versions import ConfigurationVersions, versions_of
from harness.drivers.check.claim import When, claim
from harness.drivers.check.drills.directories import filled_directory
from harness.drivers.check.needs import within
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError, HarnessError
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.commands import CommandEnded, CommandHangs
from harness.targets.files.backups import BackupStore
from harness.targets.files.configuration import VERSION, SavedConfiguration
from harness.targets.kubernetes import Cluster
from harness.targets.stores.listing import newest, recognised

EQUAL: Final = SentenceForm(
    "sides-equal",
    "<sides:noun>, 0 differences",
    "Each object, file or record is compared by the digests of its parts; what is on one side alone is a difference.",
)
_CONFIGURATION: Final = within("backups.{backup}.configuration", "the copies are compared with the live configuration")
_RESTORE: Final = within("backups.{backup}.configuration.restore", "an older version of the configuration is restored")
_GIT, _STORE, _LIVE = "copy in git", "copy in the object store", "the live configuration"
_MOST_VERSIONS: Final = 10
"""Versions among which one is chosen that is not like the newest."""
_CHECK: Final = "check restored-configuration"


def _accesses(target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    """Reading the live objects."""
    store = target.backups.get(params["backup"])
    found = store.configuration.objects if store is not None and store.configuration is not None else ()
    return tuple(
        one
        for chosen in found
        for namespace in chosen.namespaces
        for one in access(f"list {chosen.kind.lower()}s", at=namespace)
    )


@claim(
    EQUAL,
    "the newest copies in git and in the object store equal the live <backup:name>",
    example="the newest copies in git and in the object store equal the live settings, 0 differences",
    needs=(BACKUPS, _CONFIGURATION),
    when=When.AFTER_TRAFFIC,
    seconds=4.0,
)
@accesses(by=_accesses)
def saved_configuration(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The newest commit of the branch and the newest backup in the place are read, and compared with the objects or files that are live. Of a value its SHA-256 alone is kept."""
    store = store_of(target, params)
    saved = _configuration_of(target, store, params)
    copies = {_GIT: lambda: _in_git(target, store, saved), _STORE: lambda: _in_store(target, store, saved)}

    def probe() -> Sequence[FactReading]:
        live, facts = _live(target, saved), list[FactReading]()
        for place, read in copies.items():
            facts += _compared(place, live, read)
        return facts

    return probe


def _configuration_of(target: Target, store: BackupStore, params: Mapping[str, str]) -> SavedConfiguration:
    if store.configuration is None:
        hint = f"write `backups: {{{params['backup']}: {{configuration: {{objects: […], git: {{at: …}}}}}}}}`"
        raise ConfigurationError("does not say what is saved", where=f"{target.file}: backups", hint=hint)
    return store.configuration


def _live(target: Target, saved: SavedConfiguration) -> ConfigurationState:
    if saved.directory:
        return state_of(files_below(target.beside(saved.directory)), saved)
    return live_state(Cluster.of(target), saved.objects)


def _compared(
    place: str, live: ConfigurationState, read: Callable[[], ConfigurationState | None]
) -> Iterator[FactReading]:
    """The facts of one copy; one that is missing is a difference, one that cannot be read decides nothing."""
    try:
        found = read()
    except HarnessError as error:
        yield FactReading(subject=place, expected="read", observed=str(error), ok=None)
        return
    if found is None:
        yield FactReading(subject=place, expected=f"equal to {_LIVE}", observed="there is none", ok=False)
        return
    yield from difference_facts(place, live, found, like=_LIVE)


def _in_git(target: Target, store: BackupStore, saved: SavedConfiguration) -> ConfigurationState | None:
    with versions_of(target, saved.git, store.within_s) as versions:
        found = versions.newest(1)
        files = versions.files(found[0]) if found else {}
        return state_of(files, saved) if files else None


def _in_store(target: Target, store: BackupStore, saved: SavedConfiguration) -> ConfigurationState | None:
    listed = list(recognised(store, list_store(target, store).objects))
    for strange in strange_facts(listed):
        raise DriverError(strange.observed, where=store.place)
    last = newest(listed)
    if last is None:
        return None
    content = whole_of(target, store, last.stored)
    if content is None:
        raise DriverError(f"{last.stored.name} was replaced while it was read", where=store.place)
    return state_of(unpacked(last.stored.name, content), saved)


@claim(
    EQUAL,
    "the <backup:name> restored from the chosen version equals it",
    example="the settings restored from the chosen version equals it, 0 differences",
    needs=(BACKUPS, _RESTORE),
    when=When.AFTER_TRAFFIC,
    seconds=4.0,
    consent="restore-drill",
    again=False,
)
@accesses(by=_accesses)
def restored_configuration(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The newest version in git that differs from the last one is restored into a new directory on this machine, and compared with that commit; what is live must be as before."""
    store = store_of(target, params)
    saved = _configuration_of(target, store, params)
    return lambda: list(_drilled(target, store, saved, params["backup"]))


def _drilled(target: Target, store: BackupStore, saved: SavedConfiguration, name: str) -> Iterator[FactReading]:
    """Do the drill. Whatever happens, the directory is removed.

    Raises:
        DriverError: the repository or what is live cannot be read, the command could not be run, or the directory is still there.
    """
    if saved.restore is None:
        hint = f"write `backups: {{{name}: {{configuration: {{restore: {{command: [WORDS]}}}}}}}}`"
        raise ConfigurationError("does not say how a version is restored", where=f"{target.file}: backups", hint=hint)
    with versions_of(target, saved.git, store.within_s) as versions:
        chosen = _chosen(versions, saved)
    if chosen is None:
        why = f"of the newest {_MOST_VERSIONS} versions none differs from the last one, so there is nothing to choose"
        yield FactReading(subject="chosen version", expected="another than the last one", observed=why, ok=None)
        return
    commit, version = chosen
    before = _live(target, saved)
    what = f"restore a version of {name} on this machine"
    words = [word.replace(VERSION, commit) for word in saved.restore.command]
    try:
        with filled_directory(target, words, store.within_s, check=_CHECK, what=what) as directory:
            found = state_of(files_below(directory), saved)
        yield from difference_facts("restored configuration", version, found, like=f"version {commit[:12]}")
        same = _live(target, saved) == before
        said = "as before" if same else "it changed while the version was restored"
        yield FactReading(subject=_LIVE, expected="as before", observed=said, ok=True if same else None)
    except (CommandEnded, CommandHangs) as error:
        ok = None if isinstance(error, CommandHangs) else False
        observed = f"`{error.where}` {error.what}"
        yield FactReading(subject="restored configuration", expected="restored", observed=observed, ok=ok)


def _chosen(versions: ConfigurationVersions, saved: SavedConfiguration) -> tuple[str, ConfigurationState] | None:
    """The newest version that has content and differs from the last one; None: there is none.

    Raises:
        DriverError: the last one cannot be read, or none of the others that differs.
    """
    last, *older = [*versions.newest(_MOST_VERSIONS)] or [""]
    if older:
        newest_state = state_of(versions.files(last), saved)
        unread: DriverError | None = None
        for commit in older:
            try:
                found = state_of(versions.files(commit), saved)
            except DriverError as error:
                unread = error
                continue
            if found.objects and found.objects != newest_state.objects:
                return commit, found
        if unread is not None:
            raise unread
    return None
