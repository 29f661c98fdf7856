"""Saves the configuration on every change: the ConfigMaps of the cluster, as a commit of a git repository and as an archive in the object store.

The repository is served as files, as `git clone` reads them (its "dumb" protocol); a version of it is restored as an archive of its files.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from ..watching import Key, follow, key_of, reached  # noqa: TID252 - of the platform
from .making import STAMP, BackupFailed, output, packed
from .objects import ArchiveBucket, ObjectStoreError

CONFIGURATION = "configuration/"
BRANCH = "main"
_SETTLES_S, _AGAIN_S = 0.2, 1.0
_WHO = {
    "GIT_AUTHOR_NAME": "backup",
    "GIT_AUTHOR_EMAIL": "backup@normaldance.test",
    "GIT_COMMITTER_NAME": "backup",
    "GIT_COMMITTER_EMAIL": "backup@normaldance.test",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
Files = Mapping[str, bytes]


class UnknownVersion(Exception):
    """The repository does not have that version."""


def manifest(one: Mapping[str, Any]) -> bytes:
    """What people write of a ConfigMap, as JSON, which is YAML too."""
    metadata = {
        key: one["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in one["metadata"]
    }
    kept = {key: one[key] for key in ("data", "binaryData", "immutable") if key in one}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **kept}
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


@dataclass(kw_only=True)
class ConfigurationKeeper:
    """The repository and the archives.

    Attributes:
        repository: directory of the bare repository.
        bucket: where the archives go.
        seeds: whether a new repository begins with a version of a predecessor, as that of a platform which has run for long has.
        edits: namespace and name of a ConfigMap that is changed by hand once the configuration was saved; no
            change is saved from then on. A planted defect.
        newest: whether every restore is of the newest version; a planted defect.
    """

    repository: Path
    bucket: ArchiveBucket
    seeds: bool = False
    edits: str = ""
    newest: bool = False
    _there: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _stored: Files = field(default_factory=dict)
    _last: str = ""

    def learn(self, one: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take over a ConfigMap, or forget it."""
        if gone:
            self._there.pop(key_of(one), None)
        else:
            self._there[key_of(one)] = one
        self._changed.set()

    def keep(self, there: set[Key]) -> None:
        """Forget all but these."""
        self._there = {key: one for key, one in self._there.items() if key in there}
        self._changed.set()

    async def run(self) -> None:
        """Save what changes until cancelled."""
        known = asyncio.Event()
        watch = asyncio.create_task(follow("/api/v1/configmaps", self, known.set))
        try:
            await known.wait()
            while True:
                await self._changed.wait()
                await asyncio.sleep(_SETTLES_S)  # what is changed together is one version
                self._changed.clear()
                await self._until_saved()
                if self.edits:
                    await self._edit()
                    return
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _until_saved(self) -> None:
        while True:
            try:
                await self.save({f"{space}/{name}.json": manifest(one) for (space, name), one in self._there.items()})
            except (BackupFailed, ObjectStoreError, OSError) as fault:
                sys.stderr.write(f"the configuration is not saved: {type(fault).__name__}: {fault}\n")
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def save(self, files: Files) -> None:
        """Commit these files, if they differ from the last version, and store them. Raises BackupFailed, ObjectStoreError."""
        if not (self.repository / "HEAD").exists():
            await output(["git", "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(self.repository)], _WHO)
            if self.seeds:
                await self._commit({name: _of_predecessor(content) for name, content in files.items()})
        await self._commit(files)
        if files != self._stored:
            while (name := f"{CONFIGURATION}configuration-{datetime.now(UTC):{STAMP}}.tar") == self._last:  # noqa: ASYNC110 - for the next second
                await asyncio.sleep(_SETTLES_S)
            await asyncio.to_thread(self.bucket.put, name, packed(files))
            self._stored, self._last = dict(files), name

    async def version(self, commit: str) -> bytes:
        """A tar archive of the files of a version. Raises UnknownVersion."""
        chosen = BRANCH if self.newest else commit
        try:
            return await self._git("archive", "--format=tar", "--end-of-options", chosen)
        except BackupFailed as fault:
            raise UnknownVersion(str(fault)) from fault

    async def _commit(self, files: Files) -> None:
        with tempfile.TemporaryDirectory() as work:
            for name, content in files.items():
                path = Path(work) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            at = {"GIT_WORK_TREE": work}
            await self._git("add", "--all", **at)
            if await self._git("status", "--porcelain", **at):
                await self._git("commit", "--quiet", "--message=The configuration changed", **at)
                await self._git("update-server-info")

    async def _git(self, *words: str, **variables: str) -> bytes:
        return await output(["git", *words], {**_WHO, "GIT_DIR": str(self.repository), **variables})

    async def _edit(self) -> None:
        space, _, name = self.edits.partition("/")
        headers = {"content-type": "application/merge-patch+json"}
        body = json.dumps({"data": {"note": f"changed by hand at {datetime.now(UTC):{STAMP}}"}})
        async with reached() as (session, server):
            url = f"{server}/api/v1/namespaces/{space}/configmaps/{name}"
            try:
                async with session.patch(url, data=body, headers=headers) as response:
                    response.raise_for_status()
            except aiohttp.ClientError as error:
                sys.stderr.write(f"{self.edits} is not changed: {error}\n")


def _of_predecessor(content: bytes) -> bytes:
    """A ConfigMap as an older version had it: with one key more."""
    document = json.loads(content)
    document["data"] = {**document.get("data", {}), "predecessor": "1"}
    return manifest(document)
