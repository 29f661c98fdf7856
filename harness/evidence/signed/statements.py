"""The in-toto statements of a run: about which artifacts they are, and what they state.

Sources: https://github.com/in-toto/attestation, `spec/v1/statement.md` and `spec/predicates/test-result.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.errors import Refused
from harness.evidence.foreign import parsed
from harness.evidence.manifest import MANIFEST
from harness.evidence.past_runs import SCHEMA
from harness.model.judged.outcome import DecisionOutcome, Outcome
from harness.model.judged.past import PastRow, PastRun

STATEMENT: Final = "https://in-toto.io/Statement/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
VERDICT: Final = f"urn:readiness-harness:verdict:{SCHEMA}"
"""Type of the predicate that is `verdict.json`: the `$id` of its JSON Schema."""
VERDICT_FILE: Final = "verdict.json"
PLAN_FILE: Final = "plan.json"
_SHA256: Final = "sha256"
_IMAGE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:(?P<name>[^@]+)@)?sha256:(?P<hex>[0-9a-f]{64})")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

LISTED: Final[Mapping[Outcome, str]] = {
    Outcome.PASS: "passedTests",
    Outcome.WAIVED: "warnedTests",
    Outcome.FAIL: "failedTests",
    Outcome.INCONCLUSIVE: "failedTests",
    Outcome.NOT_ASSESSED: "failedTests",
}
"""The list of a test result in which a requirement is, by its verdict. What no evidence supports did not pass."""
_IN_PART: Final = "warnedTests"
"""The list of a requirement that passed in part: the run did not try every kind of experiment of its criterion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """An artifact that a statement is about: a resource descriptor of in-toto.

    Attributes:
        name: name of the image, release or file.
        digest: digests as hexadecimal digits, by algorithm.
        annotations: further facts, for people and policies.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    name: str
    digest: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests as `sha256:…`."""
        return tuple(f"{algorithm}:{value}" for algorithm, value in self.digest.items())

    @property
    def document(self) -> dict[str, Any]:
        """The subject as JSON; without annotations where there are none."""
        return {key: value for key, value in asdict(self).items() if value}

    def __str__(self) -> str:
        facts = ", ".join(f"{key} {value}" for key, value in self.annotations.items())
        return " ".join((self.name, *self.digests, *([f"({facts})"] if facts else [])))


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedStatement:
    """A statement as it was signed.

    Attributes:
        kind: type of the predicate, `TEST_RESULT` or `VERDICT`.
        subjects: artifacts that the statement is about.
        predicate: bytes of the predicate, as they are in the statement.
        document: the predicate.
    """

    kind: str
    subjects: tuple[Subject, ...]
    predicate: bytes
    document: Any


@cache
def _subjects() -> TypeAdapter[tuple[Subject, ...]]:
    return TypeAdapter(tuple[Subject, ...])


def file_subject(name: str, digest: str, **annotations: str) -> Subject:
    """A file of the run."""
    return Subject(name=name, digest={_SHA256: digest}, annotations=annotations)


def subjects_of(manifest: Mapping[str, Any], manifest_digest: str, verdict_digest: str) -> tuple[Subject, ...]:
    """What the statements of a run are about: its release, the images that ran, its verdict and its manifest.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the document is not a manifest.
    """
    release, commit = str(manifest["release"]), str(manifest["release_commit"])
    about = {key: str(manifest[key]) for key in ("run", "target", "environment", "release", "release_commit")}
    of_commit = (Subject(name=release, digest={"gitCommit": commit}),) if _COMMIT.fullmatch(commit) else ()
    images = (Subject(name=name, digest={_SHA256: digest}) for name, digest in _images(manifest["release_reads"]))
    return (
        *of_commit,
        *images,
        file_subject(VERDICT_FILE, verdict_digest, **{key: value for key, value in about.items() if value}),
        file_subject(MANIFEST, manifest_digest),
    )


def _images(reads: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Name and digest of each image that every reading of the release found, before the load and after it."""
    found = [set(_images_read(read["workloads"])) for read in reads]
    return sorted(set.intersection(*found)) if found else []


def _images_read(workloads: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    for workload, images in workloads.items():
        for image in images:
            if one := _IMAGE.fullmatch(image):  # a tag may be moved, so an image without a digest is no subject
                yield one["name"] or workload, one["hex"]


def result_predicate(verdict: PastRun, configuration: Subject) -> bytes:
    """The predicate `test-result` of a verdict.

    The result is PASSED if the decision is GO and every requirement passed completely, WARNED for any other GO, and FAILED otherwise, also for
    INCONCLUSIVE and PARTIAL.

    Raises:
        ValueError: a requirement has an unknown verdict.
    """
    lists: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for row in verdict.requirements:
        lists[_list_of(row)].append(row.id)
    passed = not (lists["warnedTests"] or lists["failedTests"])
    result = "FAILED" if verdict.decision != DecisionOutcome.GO else "PASSED" if passed else "WARNED"
    return _compact({"result": result, "configuration": [configuration.document], **lists})


def _list_of(row: PastRow) -> str:
    outcome = Outcome.__members__.get(row.verdict)
    if outcome is None:
        known = ", ".join(Outcome.__members__)
        raise ValueError(f"the verdict of {row.id} is {row.verdict!r}, expected one of {known}")
    return _IN_PART if outcome is Outcome.PASS and row.not_tried else LISTED[outcome]


def statement(kind: str, subjects: tuple[Subject, ...], predicate: bytes) -> bytes:
    """The statement with a predicate, whose bytes are not changed."""
    return _opening(kind, subjects) + predicate + b"}"


def _opening(kind: str, subjects: tuple[Subject, ...]) -> bytes:
    head = _compact({"_type": STATEMENT, "subject": [one.document for one in subjects], "predicateType": kind})
    return head[:-1] + b',"predicate":'


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def read_statement(payload: bytes, where: str, hint: str) -> SignedStatement:
    """Read a statement of a run.

    Args:
        payload: bytes that were signed.
        where: place of the statement, for messages.
        hint: what to do if the payload is not such a statement.

    Raises:
        Refused: the payload is another document, has a key twice, or is not in the form that is written here.
    """

    def refused(what: str) -> Refused:
        return Refused(what, where=where, hint=hint)

    try:
        document = parsed(payload.decode("utf-8"), once=True)
    except ValueError as error:
        raise refused(f"the statement is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("_type") != STATEMENT:
        found = document.get("_type") if isinstance(document, dict) else type(document).__name__
        raise refused(f"the payload is {found!r:.80}, expected a statement of the type {STATEMENT}")
    kind = document.get("predicateType")
    if kind not in (TEST_RESULT, VERDICT):
        raise refused(f"the predicate has the type {kind!r:.80}, expected {TEST_RESULT} or {VERDICT}")
    try:
        subjects = _subjects().validate_json(json.dumps(document.get("subject")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(("subject", *map(str, first["loc"])))
        raise refused(f"the statement names no artifacts: {place}: {first['msg']}") from error
    opening = _opening(str(kind), subjects)
    if not payload.startswith(opening) or "predicate" not in document or len(document) > 4:
        raise refused("the statement is authentic, and is not in the form in which `readiness attest-run` writes it")
    return SignedStatement(
        kind=str(kind), subjects=subjects, predicate=payload[len(opening) : -1], document=document["predicate"]
    )
