"""What backups of configuration save: the live objects or files, their copy in git, and how an older version is restored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from harness.targets.files.drills import DrillCommand
from harness.targets.files.reference import Reference
from harness.targets.files.values import Name, TargetSection, Word
from harness.validation import matching

VERSION: Final = "{version}"
"""In `restore`: the commit of the version to restore."""
INTO: Final = "{directory}"
"""In `restore`: a new directory."""


class LiveObjects(TargetSection):
    """Objects in the Kubernetes API. Values are compared and never printed.

    Attributes:
        kind: of the objects.
        namespaces: of the objects.
        selector: labels that they have; empty: any.
        without: names that are left out, of what the cluster itself makes.
    """

    kind: Literal["ConfigMap", "Secret"] = "ConfigMap"
    namespaces: Annotated[tuple[Name, ...], Field(min_length=1)]
    selector: Mapping[Word, str] = Field(default_factory=dict)
    without: tuple[Word, ...] = ("kube-root-ca.crt",)


_PASSWORD: Final = re.compile(r"^\w+://[^/@]*:[^/@]+@")


class GitCopy(TargetSection):
    """A branch of a git repository; a repository at an address is cloned into a directory that is removed.

    Attributes:
        at: directory beside the target file, or address of the repository.
        branch: the branch.
        path: directory in it with the configuration; empty: all of it.
        authorization: value of the header Authorization, for an address with http or https.
    """

    at: Annotated[str, matching("[^-].*", "a directory or an address, without a `-` at its begin")]
    branch: Annotated[str, matching("[^-].*", "the name of a branch")] = "main"
    path: str = ""
    authorization: Reference | None = None

    @model_validator(mode="after")
    def _without_password(self) -> Self:
        if _PASSWORD.search(self.at):
            raise ValueError(
                "an address without a password in `at`: write it into a file, and name that in `authorization`"
            )
        return self

    @property
    def is_remote(self) -> bool:
        """Whether `at` is an address."""
        return "://" in self.at or ":" in self.at.partition("/")[0]


class SavedConfiguration(TargetSection):
    """The configuration that a place of backups has copies of.

    Attributes:
        objects: live objects; each copy is of their manifests.
        directory: directory of live files, in place of objects; each copy is of these files.
        git: the copy in git.
        restore: writes the files of the version `{version}`, a commit, into the directory `{directory}`; None: nothing does.
    """

    objects: tuple[LiveObjects, ...] = ()
    directory: str = ""
    git: GitCopy
    restore: DrillCommand | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.objects) == bool(self.directory):
            raise ValueError("one of `objects` and `directory`")
        text = " ".join(self.restore.command) if self.restore is not None else f"{VERSION} {INTO}"
        if VERSION not in text or INTO not in text:
            raise ValueError(f"`restore` with `{VERSION}` and `{INTO}` in its command: what is restored, and where to")
        return self
