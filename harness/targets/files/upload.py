"""The section `upload` of a target file: the S3 bucket that gets the evidence of a run while it is recorded."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import model_validator

from harness.targets.files.reference import Reference
from harness.targets.files.values import TargetSection, Url
from harness.validation import matching

SCHEME: Final = "s3://"
BucketUrl = Annotated[
    str,
    matching(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.{1,2}(/|$))[A-Za-z0-9._=-]+)*/?",
        "the address of a bucket, with a prefix if any, such as `s3://evidence/shop`",
    ),
]


class Upload(TargetSection):
    """Where the evidence goes, and how the bucket is reached.

    What is left out is read from the environment as the tools of AWS do: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` and so on, or the role of
    the pod or the machine.

    Attributes:
        to: bucket and prefix; a run gets a directory of its own below.
        endpoint: address of the S3 server; None: that of AWS for the region.
        region: region of the bucket.
        access_key: id of the access key.
        secret_key: secret of the access key.
        session_token: token of temporary credentials.
    """

    to: BucketUrl
    endpoint: Url | None = None
    region: str = ""
    access_key: Reference | None = None
    secret_key: Reference | None = None
    session_token: Reference | None = None

    @model_validator(mode="after")
    def _of_a_pair(self) -> Self:
        if (self.access_key is None) is not (self.secret_key is None):
            raise ValueError("`access_key` and `secret_key` together, or neither")
        return self

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.to.removeprefix(SCHEME).partition("/")[0]

    @property
    def prefix(self) -> str:
        """Path below the bucket; empty for none."""
        return self.to.removeprefix(SCHEME).partition("/")[2].strip("/")
