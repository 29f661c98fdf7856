"""A file of signed statements: one DSSE envelope in each line, as a bundle of in-toto has them.

A file is accepted only as it was written, byte for byte. A signature covers the payload alone, so that without this rule white space, the
encoding, and what is beside the payload could be changed and would not be noticed.

Sources: https://github.com/secure-systems-lab/dsse, `envelope.md`; https://github.com/in-toto/attestation, `spec/v1/bundle.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError

from harness.errors import Refused
from harness.evidence.foreign import parsed, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner, SSlibKey

PAYLOAD: Final = "application/vnd.in-toto+json"
MOST: Final = 1 << 27
"""Maximum number of bytes of a file of signed statements; a verdict of 1 000 requirements has three million."""
STATEMENTS: Final = 2
"""Number of statements of a run: the test result, and the verdict."""
AGAIN: Final = "get the file again from where it was published, or sign the run again with `readiness attest-run`"
_KEYS: Final = {"payload", "payloadType", "signatures"}
_SIGN: Final = "sign the run with `readiness attest-run RUN --key FILE`"
_APART: Final = "sign the run with each key into a file of its own (`--out FILE`), and verify each file"


def sealed_lines(payloads: Iterator[bytes], signer: CryptoSigner) -> bytes:
    """The file with these payloads, each signed."""
    return b"".join(_line(_signed(payload, signer)) for payload in payloads)


def _signed(payload: bytes, signer: CryptoSigner) -> Envelope:
    envelope = Envelope(payload, PAYLOAD, {})
    envelope.sign(signer)
    return envelope


def _line(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_dict(), separators=(",", ":")).encode("ascii") + b"\n"


def opened(path: Path, key: SSlibKey) -> list[tuple[str, bytes]]:
    """The place and the payload of each statement of a file, all signed with a key.

    Raises:
        Refused: the file cannot be read, is not such a file, was changed, or is signed by another key.
    """
    try:
        body = read_bounded(path, MOST)
    except OSError as error:
        raise Refused(f"the file cannot be read: {error.strerror}", where=str(path), hint=AGAIN) from error
    except ValueError as error:
        raise Refused(f"the file is not a signed verdict: {error}", where=str(path), hint=AGAIN) from error
    lines = body.splitlines(keepends=True)
    found = [(f"{path}:{at}", _payload(line, f"{path}:{at}", key)) for at, line in enumerate(lines, start=1)]
    if len(found) != STATEMENTS:
        what = f"the file has {len(found)} statements, expected {STATEMENTS}: the test result and the verdict"
        raise Refused(what, where=str(path), hint=AGAIN)
    return found


def _payload(line: bytes, where: str, key: SSlibKey) -> bytes:
    """The payload of one line, after its form and its signature were checked."""
    if not line.endswith(b"\n"):
        raise Refused("the line does not end: the file was truncated", where=where, hint=AGAIN)
    envelope = _envelope(line, where)
    if _line(envelope) != line:
        what = "the envelope is not in the form in which it was written: the file was formatted or encoded again"
        raise Refused(what, where=where, hint="verify the file that `readiness attest-run` wrote, byte for byte")
    (keyid,) = envelope.signatures
    if keyid != key.keyid:
        what = f"the statement is signed with the key {keyid[:16]!r}, expected {key.keyid[:16]!r}, the key of `--key`"
        hint = (
            "pass the public key of the signer whom you trust; if this is the key, the statement is by another signer"
        )
        raise Refused(what, where=where, hint=hint)
    try:
        envelope.verify([key], 1)
    except UnverifiedSignatureError as error:
        what = "the signature does not belong to this statement and this key: one of them was changed"
        raise Refused(what, where=where, hint=AGAIN) from error
    return envelope.payload


def _envelope(line: bytes, where: str) -> Envelope:
    """The envelope with exactly one signature."""
    try:
        document = parsed(line.decode("ascii"), once=True)
    except ValueError as error:
        raise _refused(where, f"the line is not a signed statement: {error}") from error
    if not isinstance(document, dict) or not document.keys() >= _KEYS:
        raise _refused(where, f"the line is not a DSSE envelope, expected the keys {', '.join(sorted(_KEYS))}", _SIGN)
    if document["payloadType"] != PAYLOAD:
        raise _refused(where, f"`payloadType` is {document['payloadType']!r:.80}, expected {PAYLOAD!r}")
    signatures = document["signatures"]
    if not isinstance(signatures, list) or not signatures:
        raise _refused(where, "the statement is not signed: `signatures` is empty", _SIGN)
    if len(signatures) > 1:
        raise _refused(where, f"the statement has {len(signatures)} signatures, expected 1", _APART)
    if not _is_signature(signatures[0]) or not isinstance(document["payload"], str):
        raise _refused(where, "`payload`, or `keyid` and `sig` of the signature, are not texts")
    try:
        return Envelope.from_dict(document)
    except ValueError as error:
        raise _refused(where, f"the envelope cannot be decoded: {error}") from error


def _is_signature(value: object) -> bool:
    """Whether a value is an object of two texts, `keyid` and `sig`."""
    return isinstance(value, dict) and value.keys() == {"keyid", "sig"} and {*map(type, value.values())} == {str}


def _refused(where: str, what: str, hint: str = AGAIN) -> Refused:
    return Refused(what, where=where, hint=hint)
