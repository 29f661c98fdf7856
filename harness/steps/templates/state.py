"""The declared and running state of cluster and database."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

STATE: Final = (
    Template(
        name="database-version",
        keyword=Keyword.THEN,
        text="the database of every region reports server version <version> or newer",
        about="The server version of every member of the database.",
        example="the database of every region reports server version 15.4 or newer",
        mean=check("database-version", at_least="<version>"),
    ),
    Template(
        name="database-primary",
        keyword=Keyword.THEN,
        text="the database primary runs in <region>[ in the steady state]",
        about="Every member is asked whether it is in recovery; one is not, and it is in that region.",
        example="the database primary runs in us-east-1 in the steady state",
        mean=check("database-primary", region="<region>"),
    ),
    Template(
        name="database-standbys",
        keyword=Keyword.THEN,
        text="at least <count> member in <region> streams from the primary and refuses writes[ in the steady state]",
        about="Each member there is asked for its receiver's state, and is given a write, which it must refuse.",
        example="at least 1 member in eu-west-1 streams from the primary and refuses writes in the steady state",
        mean=check("database-standbys", region="<region>", at_least="<count>"),
    ),
    Template(
        name="database-settings",
        keyword=Keyword.THEN,
        text="the database settings equal the declared set and <count> standby is synchronous",
        about="Each setting of `database.settings` of the target file as a new session has it; at least so many standbys are synchronous.",
        example="the database settings equal the declared set and 1 standby is synchronous",
        mean=check("database-settings", synchronous="<count>"),
    ),
    Template(
        name="password-hashes",
        keyword=Keyword.THEN,
        text="every stored password is an argon2id, scrypt or bcrypt hash",
        about="Counted in the database by the format of each value; no hash leaves it.",
        example="every stored password is an argon2id, scrypt or bcrypt hash",
        mean=check("password-hashes", forms="argon2id scrypt bcrypt"),
    ),
    Template(
        name="secrets-hidden",
        keyword=Keyword.THEN,
        text="no secret value is found in a manifest, a literal environment value or a log line",
        about=(
            "Every value of every Secret is searched for in the objects of the platform's namespaces and in what its containers "
            "have written, when the traffic has ended; no value is printed."
        ),
        example="no secret value is found in a manifest, a literal environment value or a log line",
        mean=check("secrets-hidden"),
    ),
)
