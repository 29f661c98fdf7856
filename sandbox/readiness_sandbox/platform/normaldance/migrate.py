"""migrate: takes the live database to the schema of a release, and back, by the SQL files of `migrations/RELEASE`.

    python -m normaldance.migrate up|down RELEASE

Each file has a way back beside it (`NAME.rollback.sql`), else nothing is begun. yoyo-migrations runs them, each in a transaction, and keeps the
versions in the table `_yoyo_migration`. They only expand: what the release before reads and writes stays; contracting is for a release later.
The connection is that of libpq's own variables (PGHOST, PGUSER, PGDATABASE, PGSSLMODE …), of the owner of the tables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

MIGRATIONS = Path(__file__).parent / "migrations"
NAME = "normaldance-migrate"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"


class MigrationRefused(Exception):
    """Nothing was begun."""


def migrate(direction: str, release: str) -> list[str]:
    """Apply what is missing of a release's migrations, or take back what is applied.

    The files that were run, in order.

    Raises:
        MigrationRefused: there are no such migrations, one has no way back, or another run is under way.
    """
    directory = MIGRATIONS / release
    files = sorted(each for each in directory.glob("*.sql") if not each.name.endswith(".rollback.sql"))
    if direction not in ("up", "down") or not files:
        there = ", ".join(sorted(each.name for each in MIGRATIONS.iterdir()))
        raise MigrationRefused(f"{direction} {release}: unknown; hint: up or down, and a release of: {there}")
    one_way = [each.name for each in files if not each.with_suffix(".rollback.sql").is_file()]
    if one_way:
        raise MigrationRefused(
            f"{', '.join(one_way)}: without a way back; hint: write {Path(one_way[0]).stem}.rollback.sql"
        )
    backend = get_backend(f"postgresql+psycopg:///{os.environ['PGDATABASE']}?application_name={NAME}")
    try:
        _free(backend)
        migrations = read_migrations(str(directory))
        with backend.lock():
            chosen = backend.to_apply(migrations) if direction == "up" else backend.to_rollback(migrations)
            names = [each.id for each in chosen]
            (backend.apply_migrations if direction == "up" else backend.rollback_migrations)(chosen)
    finally:
        backend.connection.close()
    return names


def _free(backend: object) -> None:
    """Break a lock whose holder is gone.

    Its row outlives a killed run, its connection does not.
    """
    with psycopg.connect(application_name=NAME + "-check", autocommit=True) as connection:
        row = connection.execute(OTHERS, [NAME]).fetchone()
    if row is not None and row[0] > 1:
        raise MigrationRefused("another run is under way; hint: wait for its end")
    backend.break_lock()  # type: ignore[attr-defined]


def main() -> None:
    """Run, and print the files."""
    try:
        done = migrate(*sys.argv[1:3]) if len(sys.argv) == 3 else []
    except MigrationRefused as refusal:
        sys.exit(f"migrate: {refusal}")
    sys.stdout.write(f"{os.environ.get('PGDATABASE', '')}: {', '.join(done) or 'nothing to do'}\n")


if __name__ == "__main__":
    main()
