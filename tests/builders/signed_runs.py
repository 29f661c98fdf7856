"""Recorded runs with their verdict, keys made for the test, and the signed verdict of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from harness.evidence import RunDirectory
from harness.evidence.signed.keys import private_key
from harness.evidence.signed.verdicts import FILE, sign_verdict
from harness.model import Evidence
from harness.report import render_verdict
from harness.run.deciding import decide
from tests.builders.core_plan import core_plan
from tests.builders.recorder import sealed
from tests.honesty.edits import one_in, refused
from tests.honesty.test_honesty_sealed import by_one_worker

IMAGES: Final = {"eu/Deployment/shop": ("docker-pullable://example.test/shop@sha256:" + "ab" * 32,)}
_Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
_MAKERS: Final[Mapping[str, Callable[[], _Private]]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
}


def key_pair(directory: Path, kind: str = "ed25519", passphrase: str = "") -> tuple[Path, Path]:
    """The files of a new private key and of its public key."""
    key = _MAKERS[kind]()
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private, public = directory / f"{kind}.pem", directory / f"{kind}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def good_run() -> Evidence:
    """A run that is a GO, whose release is known by the digest of its image."""
    run = by_one_worker()
    return replace(run, release_reads=tuple(replace(one, workloads=IMAGES) for one in run.release_reads))


def bad_run() -> Evidence:
    """A run that is a NO-GO: a tenth of the requests failed."""
    return refused(good_run(), one_in(0.1))


def recorded(directory: Path, evidence: Evidence) -> RunDirectory:
    """A run on disk, with its `verdict.json`."""
    run = sealed(directory, replace(core_plan(), release_commit=COMMIT), evidence)
    decided = decide(run)
    (run.path / "verdict.json").write_bytes(render_verdict(decided.plan, decided.judgement))
    return run


def signed(run: RunDirectory, key: Path) -> Path:
    """The signed verdict of a run, at its usual place."""
    path = run.path / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sign_verdict(run, (run.path / "verdict.json").read_bytes(), private_key(key, None)))
    return path
