"""Facts of the platform's own files."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import check
from harness.steps.template import Template

STATIC: Final = (
    Template(
        name="files-read",
        keyword=Keyword.WHEN,
        text="the files of the platform have been read",
        about="Asks for nothing by itself: the Then steps read what `files:` of the target file names.",
        example="the files of the platform have been read",
        mean=lambda _slots: Meaning(),
    ),
    Template(
        name="declared-fields",
        keyword=Keyword.THEN,
        text="0 declared fields of the live objects differ from the manifests",
        about="Each object of the manifests, field by field, against the Kubernetes API.",
        example="0 declared fields of the live objects differ from the manifests",
        mean=check("declared-fields"),
    ),
    Template(
        name="declared-workloads",
        keyword=Keyword.THEN,
        text="0 running workloads lack a manifest in the one repository",
        about="Each workload of the platform's namespaces must be among the manifests.",
        example="0 running workloads lack a manifest in the one repository",
        mean=check("declared-workloads"),
    ),
)
