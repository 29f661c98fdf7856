"""Archives old rows of `requests` in the object store: they leave the table in the transaction that ends when they are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from .making import BackupFailed
from .restoring import StoredBackups
from .sealed import UnreadableBackup

RECORDS = "records/"
_CONNECT_S = 10
_LINES, _MANIFEST = ".ndjson", ".json"
_DUE = "created BETWEEN now() - %(keep_s)s * interval '1 s' AND now() - %(older_s)s * interval '1 s'"
"""Rows that are kept for long enough are not archived: they go."""
MOVE = f"DELETE FROM requests WHERE {_DUE} RETURNING (to_jsonb(requests) - %(left_out)s)::text"  # noqa: S608 - of above
AGED = f"""
    INSERT INTO requests (key, answer, created) SELECT 'of-a-predecessor-' || gen_random_uuid(),
        jsonb_build_object('id', n, 'title', 'Track ' || n, 'plays', 7 * n), now() - %(age_s)s * interval '1 s'
    FROM generate_series(1, 40) n WHERE NOT EXISTS (SELECT FROM requests WHERE {_DUE})"""  # noqa: S608 - of above
"""Rows that a platform which has run for long has: some are always old enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowArchive:
    """The archive.

    Attributes:
        store: where it is.
        older_s, keep_s: ages in s from which, and up to which, rows are archived.
        age_s: age in s of the rows of a predecessor; 0: there are none.
        left_out: column that the archive lacks; empty: none. A planted defect.
    """

    store: StoredBackups
    older_s: float
    keep_s: float
    age_s: float = 0.0
    left_out: str = ""

    def come_of_age(self) -> None:
        """Add rows of a predecessor where no row is old enough. Raises BackupFailed."""
        if self.age_s:
            with _connected() as connection:
                connection.execute(AGED, {**self._due, "age_s": self.age_s})

    def move(self) -> str:
        """Move what is old enough into the archive; the name of its file, empty where nothing is. Raises BackupFailed, ObjectStoreError."""
        with _connected() as connection:
            rows = connection.execute(MOVE, {**self._due, "left_out": self.left_out}).fetchall()
            if not rows:
                return ""
            content = "".join(f"{line}\n" for (line,) in rows).encode()
            name = f"{RECORDS}requests-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            manifest = {"table": "requests", "rows": len(rows), "sha256": hashlib.sha256(content).hexdigest()}
            for ending, one in ((_LINES, content), (_MANIFEST, json.dumps(manifest).encode())):
                self.store.bucket.put(name + ending, self.store.key.seal(one, name + ending))
        return name + _LINES

    def files(self) -> dict[str, bytes]:
        """Every archived row, as files of JSON objects, one in a line. Raises ObjectStoreError, UnreadableBackup."""
        found: dict[str, bytes] = {}
        for one in self.store.bucket.listed(RECORDS):
            if one.name.endswith(_LINES):
                content = self.store.read(one.name)
                manifest = json.loads(self.store.read(one.name.removesuffix(_LINES) + _MANIFEST))
                if manifest["sha256"] != hashlib.sha256(content).hexdigest():
                    raise UnreadableBackup(f"{one.name} has another checksum than its manifest")
                found[one.name.removeprefix(RECORDS)] = content
        return found

    @property
    def _due(self) -> dict[str, float]:
        return {"older_s": self.older_s, "keep_s": self.keep_s}


@contextmanager
def _connected() -> Iterator[psycopg.Connection]:
    """Context of a transaction of the database that the pod's variables name; it is committed at its end. Raises BackupFailed."""
    try:
        with psycopg.connect(application_name="archive", connect_timeout=_CONNECT_S) as connection:
            yield connection
    except psycopg.Error as error:
        raise BackupFailed(f"the database: {error}") from error
