"""Releases of the sandbox's platform: the healthy one, and those that are bad on purpose.

They are the harness's own test data: each bad release names in `caught_by` the requirements that must turn red, and
no other may. A directory of your own with a `release.yaml` is a release too.
"""

from readiness_sandbox.releases.release import Release, Workload, load_release, names

__all__ = ["Release", "Workload", "load_release", "names"]
