"""`api-version`: checks that the Kubernetes API of every region has a given version or a newer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.state.conditions import version_numbers
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.places import Clusters, namespaces

VERSION: Final = SentenceForm(
    "version-or-newer",
    "the <server:noun> of every region reports version <version> or newer",
    "The version that the servers themselves report.",
)


@claim(
    VERSION,
    "Kubernetes API",
    example="the Kubernetes API of every region reports version 1.28 or newer",
    fixed={"at_least": "<version>"},
    needs=(API,),
)
def api_version(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The version that the API server of each region reports."""
    clusters, least = Clusters(target), params["at_least"]
    places = namespaces(target)

    def probe() -> Sequence[FactReading]:
        seen = []
        for region in places:
            version = clusters.of(region).version()
            seen.append(version_fact(f"Kubernetes API of {region}", version, least))
        return seen

    return probe


def version_fact(subject: str, version: str, least: str) -> FactReading:
    """The fact whether a version is at least another; unknown if the version has no number."""
    numbers = version_numbers(version)
    return FactReading(
        subject=subject,
        expected=f"version {least} or newer",
        observed=version or "no version",
        ok=numbers >= version_numbers(least) if numbers else None,
    )
