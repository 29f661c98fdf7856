"""What the platform publishes for its users and for those who operate it."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

PUBLISHED: Final = (
    Template(
        name="runbooks",
        keyword=Keyword.THEN,
        text="every alert rule names a runbook and 100 % of these addresses answer 200",
        about="The annotation `runbook_url` of each rule that Prometheus has loaded, requested.",
        example="every alert rule names a runbook and 100 % of these addresses answer 200",
        mean=check("alert-runbooks"),
    ),
    Template(
        name="runbooks-of-the-release",
        keyword=Keyword.THEN,
        text="every alert rule links a runbook that answers and names this release, 0 dead links",
        about="The same; and the text of each has the release that is judged as a word.",
        example="every alert rule links a runbook that answers and names this release, 0 dead links",
        mean=check("alert-runbooks", of="release"),
    ),
    Template(
        name="page-assets",
        keyword=Keyword.THEN,
        text="the assets of every page are compressed, named by hash and below <most:count> kB together",
        about=(
            "From `website` of the target file every page of that host is followed; styles, scripts, pictures and icons that each loads are "
            "requested, and counted as they are sent."
        ),
        example="the assets of every page are compressed, named by hash and below 500 kB together",
        mean=check("page-assets", most="<most>"),
    ),
    Template(
        name="documentation",
        keyword=Keyword.THEN,
        text="the documentation address answers 200 and names this version within <age:period> of the switch",
        about=(
            "The page at `documentation` of the target file; published is what its header Last-Modified says, the switch was when the newest "
            "ReplicaSet that has pods was made. A page that names another version fails, however recent the switch."
        ),
        example="the documentation address answers 200 and names this version within 24 h of the switch",
        mean=check("documentation", age="<age>"),
    ),
    Template(
        name="quality-report",
        keyword=Keyword.THEN,
        text="the newest quality report is younger than <age:period> and names the running release",
        about=(
            "What `quality_report` of the target file answers: its key `written_at`, or its header Last-Modified; and the version that the "
            "version path answers, as a word in its text."
        ),
        example="the newest quality report is younger than 24 h and names the running release",
        mean=check("quality-report", age="<age>"),
    ),
)
