"""The bucket that a run sends its evidence to, and from which a recorded run is read."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from harness.errors import HarnessError, UsageError
from harness.run.which import runs_directory
from harness.targets import load_target
from harness.targets.files.upload import SCHEME, Upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from harness.evidence import RunDirectory
    from harness.evidence.bucket.store import Bucket
    from harness.targets import Target


_FORM: Final = (
    f"write `{SCHEME}BUCKET/PREFIX/RUN`: small letters in the name of the bucket, no empty part, no `.` or `..`"
)


def bucket_of(address: str, target: Target | None, run: str) -> Bucket | None:
    """The bucket at an address, else that of the target file; None if neither names one.

    Args:
        address: `s3://BUCKET/PREFIX` of the command line, which is reached as `upload` of the target file says; may be empty.
        target: target of the run; None: there is no target file.
        run: name of the run.

    Raises:
        UsageError: the address or the settings are invalid, or the extra `s3` is not installed.
    """
    named = target.upload if target is not None else None
    if not address and named is None:
        return None
    from harness.evidence.bucket.store import Bucket  # most runs have none

    if not address and named is not None:
        return Bucket(named, run)
    chosen = _upload(address, "--upload")
    return Bucket(chosen if named is None else named.model_copy(update={"to": chosen.to}), run)


def _upload(address: str, where: str) -> Upload:
    """The settings with this address. Raises UsageError for any other text, with the argument that has it."""
    try:
        return Upload.model_validate({"to": address})
    except ValidationError as error:
        hint = _FORM if where == "RUN" else f"write `{SCHEME}BUCKET/PREFIX`"
        raise UsageError(f"`{address}` is not the address of a bucket", where=where, hint=hint) from error


def uploaded(
    directory: RunDirectory, bucket: Bucket | None, say: Callable[[str], None]
) -> AbstractContextManager[object]:
    """A context in which the evidence of a run is sent to the bucket; does nothing without one."""
    if bucket is None:
        return nullcontext()
    from harness.evidence.bucket.upload import EvidenceUpload

    return EvidenceUpload(directory.path, bucket, say)


def downloaded(address: str, say: Callable[[str], None], runs: Path | None = None) -> Path:
    """Bring a run from a bucket into the directory of the runs, and return its directory.

    Args:
        address: `s3://BUCKET/PREFIX/RUN`, reached as `upload` of the project's target file says, else by the variables `AWS_…`.
        say: function that gets what is missing.
        runs: directory of the runs; None: that of the project.

    Raises:
        HarnessError: the bucket cannot be read, has no such run, or a run of this name exists here.
    """
    from harness.evidence.bucket.download import download

    to, _, run = _upload(address, "RUN").to.rstrip("/").rpartition("/")
    if f"{to}/" == SCHEME:
        raise UsageError(f"`{address}` names a bucket, and no run in it", where="RUN", hint=_FORM)
    bucket = bucket_of(to, _target(), run)
    assert bucket is not None  # noqa: S101 - the address names one
    directory = (runs or runs_directory()) / run
    for missing in download(bucket, directory):
        say(f"missing evidence: {missing}")
    say(f"{address} is in {directory}")
    return directory


def _target() -> Target | None:
    """The target of the project around the working directory; None if there is no project or no target file."""
    from harness.run.project import find_project

    try:
        project = find_project(Path.cwd())
        return None if project.target is None else load_target(project.target)
    except HarnessError:  # a recorded run is read without one
        return None
