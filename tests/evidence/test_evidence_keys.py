"""Keys of signed verdicts: as openssl makes them, with and without a passphrase, and what is refused instead."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.evidence.signed.keys import passphrase_of, private_key, public_key
from tests.builders.signed_runs import key_pair


@pytest.mark.parametrize(
    ("make", "cause", "cure"),
    [
        ("openssl genpkey -algorithm rsa -out F", "is RSAPrivateKey, expected ed25519, or ECDSA on P-256", "openssl"),
        ("openssl ecparam -name secp384r1 -genkey -noout -out F", "is ECDSA on secp384r1, expected", "openssl"),
        (
            "openssl genpkey -algorithm ed25519 -out K && openssl pkey -in K -pubout -out F",
            "it is 'PUBLIC KEY'",
            "openssl",
        ),
        ("echo hello > F", "it does not begin with `-----BEGIN`", "openssl"),
        ("head -c 100000 /dev/zero > F", "has more than 65536 bytes", "openssl"),
        ("true", "the key cannot be read: No such file", "a key that you may read, or make a key"),
        (
            "openssl genpkey -algorithm ed25519 -aes256 -pass pass:x -out F",
            "is encrypted, and no passphrase",
            "env:NAME",
        ),
    ],
)
def test_a_file_that_is_no_key_to_sign_with_is_refused(tmp_path: Path, make: str, cause: str, cure: str) -> None:
    """Keys as openssl makes them."""
    subprocess.run(make, shell=True, cwd=tmp_path, check=True, capture_output=True)  # noqa: S602 - a line of this table
    with pytest.raises(UsageError, match=cause) as refused:
        private_key(tmp_path / "F", None)
    assert cure in refused.value.hint


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
@pytest.mark.parametrize("place", ["env:WORD", "file:word"])
def test_the_passphrase_is_in_the_environment_or_in_a_file(
    tmp_path: Path, kind: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the end of line that an editor writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "correct horse")
    Path("word").write_text("correct horse\n", encoding="utf-8")
    private, public = key_pair(tmp_path, kind, "correct horse")
    assert private_key(private, passphrase_of(place)).public_key == public_key(public)


@pytest.mark.parametrize(
    ("own", "place", "cause", "cure"),
    [
        ("x", "env:WORD", "the passphrase does not open the key", "correct the passphrase in env WORD"),
        ("x", "env:ABSENT", "the passphrase is missing", "set it, or name another place"),
        ("x", "file:absent", "the passphrase is missing", "set it, or name another place"),
        ("", "env:WORD", "is not encrypted, but a passphrase is given", "leave `--passphrase` out"),
    ],
)
def test_a_passphrase_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, own: str, place: str, cause: str, cure: str
) -> None:
    """Wrong, missing, or one too many; its value is not shown."""
    monkeypatch.setenv("WORD", "battery")
    private, _ = key_pair(tmp_path, passphrase=own)
    with pytest.raises(UsageError, match=cause) as refused:
        private_key(private, passphrase_of(place))
    assert refused.value.hint == cure
    assert "battery" not in str(refused.value)


@pytest.mark.parametrize("typed", ["correct horse", "env:", "correct:horse"])
def test_a_passphrase_on_the_command_line_is_refused(typed: str) -> None:
    """And not shown, since it is a secret by now in the history of a shell alone."""
    with pytest.raises(UsageError, match="expected `env:NAME` or `file:PATH`") as refused:
        passphrase_of(typed)
    assert "horse" not in str(refused.value)
    assert passphrase_of("") is None


def test_a_private_key_is_no_key_to_verify_with(tmp_path: Path) -> None:
    """It would have been handed to whoever verifies."""
    private, public = key_pair(tmp_path)
    with pytest.raises(UsageError, match="not a public key in PEM form, it is 'PRIVATE KEY'") as refused:
        public_key(private)
    assert "-pubout" in refused.value.hint
    assert public_key(public).scheme == "ed25519"
    with pytest.raises(UsageError, match="the key cannot be read: No such file") as refused:
        public_key(tmp_path / "none")
    assert "-pubout" in refused.value.hint
