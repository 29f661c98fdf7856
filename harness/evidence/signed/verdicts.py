"""Signs the verdict of a run, and verifies a signed verdict, with the run or without it. Nothing is asked of a network."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from harness.errors import EvidenceError, Refused, UsageError
from harness.evidence.foreign import parsed, read_bounded
from harness.evidence.manifest import MANIFEST, altered, listed_files, sha256_of
from harness.evidence.past_runs import verdict_of
from harness.evidence.run_directory import RunDirectory
from harness.evidence.signed.envelopes import AGAIN, opened, sealed_lines
from harness.evidence.signed.statements import (
    PLAN_FILE,
    TEST_RESULT,
    VERDICT,
    VERDICT_FILE,
    SignedStatement,
    Subject,
    file_subject,
    read_statement,
    result_predicate,
    statement,
    subjects_of,
)
from harness.model.judged.outcome import DecisionOutcome
from harness.words import some

if TYPE_CHECKING:
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner, SSlibKey

    from harness.model import Missing
    from harness.model.judged.past import PastRun

FILE: Final = f"reports/{VERDICT_FILE}.intoto.jsonl"
"""Where a signed verdict is written, relative to the run directory; it is a report, and no evidence."""
_DIGEST: Final = re.compile(r"\w+:[0-9a-f]+")
_OTHER: Final = (
    "the signer and this version disagree: verify with the version that signed, which `versions` in manifest.json names"
)
_COPY: Final = "get the run again from where it was recorded"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedVerdict:
    """A verdict that a key signed.

    Attributes:
        verdict: verdict of the run.
        subjects: artifacts that it is about.
        plan_digest: SHA-256 of `plan.json`.
        where: file of the signed verdict.
    """

    verdict: PastRun
    subjects: tuple[Subject, ...]
    plan_digest: str
    where: str

    @property
    def decision(self) -> DecisionOutcome:
        """The decision on the release."""
        return DecisionOutcome(self.verdict.decision)


def sign_verdict(directory: RunDirectory, verdict: bytes, signer: CryptoSigner) -> bytes:
    """The file of statements about a run, signed.

    Args:
        directory: run, which must be as it was recorded.
        verdict: bytes of its `verdict.json`.
        signer: private key.

    Raises:
        EvidenceError: the run did not complete, or its files were changed.
    """
    path = directory.path / MANIFEST
    manifest, body = _manifest(path)
    listed = listed_files(manifest)
    if changed := altered(directory, listed):
        hint = "sign an unmodified copy of the run"
        raise EvidenceError(_changed(changed), where=str(directory.path), hint=hint)
    digest = hashlib.sha256(verdict).hexdigest()
    subjects = subjects_of(manifest, hashlib.sha256(body).hexdigest(), digest)
    result = result_predicate(verdict_of(parsed(verdict.decode())), file_subject(PLAN_FILE, listed[PLAN_FILE][1]))
    payloads = (statement(kind, subjects, predicate) for kind, predicate in ((TEST_RESULT, result), (VERDICT, verdict)))
    return sealed_lines(payloads, signer)


def _manifest(path: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest of a run and its bytes.

    Raises:
        EvidenceError: the run has no manifest, or the file is not one.
    """
    try:
        body = read_bounded(path)
        manifest = parsed(body.decode())
        listed = listed_files(manifest)
    except OSError as error:
        what = "the run has no manifest, so it did not complete"
        raise EvidenceError(
            what, where=str(path), hint="a verdict is signed for a run that ended; run again"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise EvidenceError(
            "the file is not a manifest; it was truncated or edited", where=str(path), hint=_COPY
        ) from error
    if PLAN_FILE not in listed:
        raise EvidenceError(f"the manifest does not list {PLAN_FILE}", where=str(path), hint=_COPY)
    return manifest, body


def verified(path: Path, key: SSlibKey) -> SignedVerdict:
    """Verify a signed verdict: signatures, types, predicates, and that both statements are about one run.

    Raises:
        Refused: the file is not authentic, or its statements do not agree.
    """
    result, own = (read_statement(payload, where, AGAIN) for where, payload in opened(path, key))
    if (result.kind, own.kind) != (TEST_RESULT, VERDICT):
        what = f"the statements have the types {result.kind} and {own.kind}, expected {TEST_RESULT} and {VERDICT}"
        raise Refused(what, where=str(path), hint=AGAIN)
    if result.subjects != own.subjects:
        raise Refused("the two statements are about different artifacts", where=str(path), hint=AGAIN)
    verdict = _verdict(own, path)
    digest = hashlib.sha256(own.predicate).hexdigest()
    if _digest(own.subjects, VERDICT_FILE) != digest:
        what = f"the verdict has the SHA-256 {digest}, the statement is about another {VERDICT_FILE}"
        raise Refused(what, where=str(path), hint=AGAIN)
    plan = _require_result(result, verdict, path)
    return SignedVerdict(verdict=verdict, subjects=own.subjects, plan_digest=plan, where=str(path))


def _verdict(own: SignedStatement, path: Path) -> PastRun:
    try:
        verdict = verdict_of(own.document)
        DecisionOutcome(verdict.decision)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = ": ".join((".".join(map(str, first["loc"])), first["msg"]))
    except ValueError as error:
        why = str(error)
    else:
        return verdict
    raise Refused(f"the predicate is not a verdict: {why}", where=str(path), hint=_OTHER)


def _require_result(result: SignedStatement, verdict: PastRun, path: Path) -> str:
    """The SHA-256 of the plan in a test result, which must be what the verdict gives."""
    try:
        (configuration,) = result.document["configuration"]
        plan = str(configuration["digest"]["sha256"])
        expected = result_predicate(verdict, file_subject(PLAN_FILE, plan))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"the test result is invalid: {error}", where=str(path), hint=_OTHER) from error
    if result.predicate != expected:
        raise Refused("the test result is not the one that the verdict gives", where=str(path), hint=_OTHER)
    return plan


def require_subject(signed: SignedVerdict, digest: str) -> None:
    """Refuse a signed verdict that is not about an artifact.

    Args:
        signed: signed verdict.
        digest: `sha256:…` or `gitCommit:…`; what is before an `@`, as the name of an image, is not compared.

    Raises:
        UsageError: the text is not a digest.
        Refused: no subject has the digest.
    """
    asked = digest.rpartition("@")[2]
    if not _DIGEST.fullmatch(asked):
        what, hint = f"{digest!r:.100} is not a digest", "write `sha256:` or `gitCommit:`, and hexadecimal digits"
        raise UsageError(what, where="--subject", hint=hint)
    if not any(asked in one.digests for one in signed.subjects):
        known = ", ".join(digest for one in signed.subjects for digest in one.digests)
        hint = "the verdict is about another release: get the verdict of this one"
        raise Refused(f"the verdict is not about {asked}, it is about {known}", where=signed.where, hint=hint)


def require_run(signed: SignedVerdict, path: Path) -> int:
    """Refuse a run that is not the one of a signed verdict, byte for byte; returns the number of its evidence files.

    Raises:
        Refused: the run is another one, or a file of it is missing, was changed or was added.
        UsageError: the run does not exist.
    """
    try:
        directory = RunDirectory.open(path)
        manifest, body = _manifest(directory.path / MANIFEST)
        verdict = sha256_of(directory.path / VERDICT_FILE)
    except EvidenceError as error:
        raise Refused(error.what, where=error.where, hint=error.hint) from error
    except OSError as error:
        what = f"{VERDICT_FILE} of the run cannot be read: {error.strerror}"
        raise Refused(what, where=str(path), hint=_COPY) from error
    where, listed = str(directory.path), listed_files(manifest)
    for name, found in ((MANIFEST, hashlib.sha256(body).hexdigest()), (VERDICT_FILE, verdict)):
        if found != _digest(signed.subjects, name):
            what = f"{name} is not the file whose digest was signed: it was changed, or the run is another one"
            raise Refused(what, where=where, hint=f"the signed run is {signed.verdict.run_id}; {_COPY}")
    if listed[PLAN_FILE][1] != signed.plan_digest:
        raise Refused(f"{PLAN_FILE} of the run is not the signed one", where=where, hint=_COPY)
    if changed := altered(directory, listed):
        raise Refused(_changed(changed), where=where, hint=_COPY)
    return len(listed)


def _digest(subjects: tuple[Subject, ...], name: str) -> str:
    """The SHA-256 of a file of the run in the subjects; empty if there is not exactly one."""
    found = [one.digest.get("sha256", "") for one in subjects if one.name == name]
    return found[0] if len(found) == 1 else ""


def _changed(changed: list[Missing]) -> str:
    named = some([f"{one.file}: {one.why}" for one in changed], between="; ")
    return f"the run is not as it was recorded: {named}"
