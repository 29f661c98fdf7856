"""Facts of the platform's own files: manifests, charts, Dockerfiles, rules, workflows, Terraform, registers, documents.

`read_static(asked)`-like engines: each reads what the target file names under `files`, and gives one fact a thing that was
examined. Files are foreign input: bounded, never followed through a link out of their tree, and what they do not decide is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.drivers.paper import Engine
from harness.drivers.static.chart import chart_parts, values_render
from harness.drivers.static.dockerfiles import node_images
from harness.drivers.static.documents import date_is_true, has_sections, lists_its_files, readme_follows
from harness.drivers.static.links import baselines_stored, rollbacks_exist, scenarios_exist, tests_ran
from harness.drivers.static.pipelines import (
    in_order,
    runs_before_deploy,
    scans_every_push,
    stages_of_components,
    starts_on,
)
from harness.drivers.static.registers import names_attributes
from harness.drivers.static.settings import settings_declared, settings_differ
from harness.drivers.static.subnets import subnets_private
from harness.drivers.static.terraform import capacity_reservation, database_capacity

__all__ = ["ENGINES", "NEEDS"]

ENGINES: Final[Mapping[str, Engine]] = MappingProxyType(
    {
        "baselines-stored": baselines_stored,
        "capacity-reservation": capacity_reservation,
        "chart-parts": chart_parts,
        "chart-values": values_render,
        "database-capacity": database_capacity,
        "document-sections": has_sections,
        "node-images": node_images,
        "pipeline-stages": stages_of_components,
        "readme-date": date_is_true,
        "readme-follows": readme_follows,
        "readme-index": lists_its_files,
        "register": names_attributes,
        "rollbacks-exist": rollbacks_exist,
        "scenarios-exist": scenarios_exist,
        "settings-declared": settings_declared,
        "settings-differ": settings_differ,
        "subnets-private": subnets_private,
        "tests-ran": tests_ran,
        "workflow-order": in_order,
        "workflow-runs": runs_before_deploy,
        "workflow-scan": scans_every_push,
        "workflow-trigger": starts_on,
    }
)
"""Every engine by the name that the sentences use."""

NEEDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "baselines-stored": ("registers",),
        "capacity-reservation": ("terraform",),
        "chart-parts": ("chart",),
        "chart-values": ("chart",),
        "database-capacity": ("terraform",),
        "document-sections": ("documents",),
        "node-images": ("dockerfiles",),
        "pipeline-stages": ("registers", "workflows"),
        "readme-date": ("documents",),
        "readme-follows": ("documents",),
        "readme-index": ("documents",),
        "register": ("registers",),
        "rollbacks-exist": ("registers",),
        "scenarios-exist": ("registers", "scenarios"),
        "settings-declared": ("registers", "overlays"),
        "settings-differ": ("registers", "overlays"),
        "subnets-private": ("terraform",),
        "tests-ran": ("registers", "evidence.junit.contract"),
        "workflow-order": ("workflows",),
        "workflow-runs": ("workflows",),
        "workflow-scan": ("workflows",),
        "workflow-trigger": ("workflows",),
    }
)
"""Keys of the target file without which an engine has nothing to read."""
