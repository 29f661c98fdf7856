"""How old the newest copy of data is, at every moment and when a migration begins.

Sentences under Then.
"""

from __future__ import annotations

from typing import Final

from harness.model import DemandKind, Figure, Objective, Op, Phase, Scope
from harness.steps.meaning import Meaning
from harness.steps.objectives import measured
from harness.steps.slots import Values
from harness.steps.template import Noun, form


def _migrations(slots: Values) -> Meaning:
    """The migration of the run is the check that migrates there and back."""
    objective = Objective(
        figure=Figure.MIGRATION_BACKUP,
        scope=Scope(phase=Phase.RUN),
        op=Op.AT_MOST,
        limit=slots.quantity("limit"),
        sentence="",
        check="migrated-and-back",
        demand=DemandKind.CHECK,
    )
    return Meaning(objective=objective)


_AGE: Final = measured(Figure.BACKUP_AGE, phase=Phase.RUN, params={"backup": "<backup>"})
_MEASURED: Final = "The age of the newest finished one, on the store's own clock, at every moment of the run; what was removed meanwhile does not count."
BACKUPS: Final = (
    form(
        "newest-copy",
        "the newest <copy:noun> <young:noun>",
        "How old the newest backup or snapshot is.",
        Noun(
            ("backup of the <backup:name>", "is younger than <limit:period> at every moment of the run"),
            _AGE,
            _MEASURED,
            "the newest backup of the database is younger than 70 min at every moment of the run",
        ),
        Noun(
            ("snapshot of the <backup:name>", "is younger than <limit:period>[ at every moment of the run]"),
            _AGE,
            _MEASURED,
            "the newest snapshot of the cache is younger than 24 h",
        ),
        Noun(
            ("backup", "was at most <limit:period> old and verified when each migration began"),
            _migrations,
            "The newest verified backup at the begin of every Job that migrates the database; the backups are those that `migration.backup` names.",
            "the newest backup was at most 1 h old and verified when each migration began",
        ),
    ),
)
