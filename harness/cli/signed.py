"""`readiness attest-run` and `readiness verify`: the verdict of a run with a signature, for those who do not trust its directory."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("attest-run")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--key", required=True, type=_FILE, metavar="FILE", help="Private key in PEM form: ed25519, or ECDSA on P-256."
)
@click.option(
    "--passphrase",
    default="",
    metavar="env:NAME|file:PATH",
    help="Place of the key's passphrase.  [default: the key is not encrypted]",
)
@click.option(
    "--out", type=_FILE, metavar="FILE", help="File to write.  [default: reports/verdict.json.intoto.jsonl in RUN]"
)
def attest_run(run: Path, key: Path, passphrase: str, out: Path | None) -> int:
    """Sign the verdict of a recorded run, e.g. reports/runs/latest.

    The run is judged again first. Two in-toto statements are written, each in a DSSE envelope: the test result, and verdict.json. Exits
    with 0 for any decision. A person who vouches for a requirement uses `readiness attest`.

    \b
      openssl genpkey -algorithm ed25519 -out key.pem
      readiness attest-run latest --key key.pem
    """  # noqa: D301 - the escape is click's
    from harness.extras import ATTEST, require

    require(ATTEST, "`readiness attest-run`")
    from harness.errors import EvidenceError
    from harness.evidence.signed.keys import passphrase_of, private_key
    from harness.evidence.signed.verdicts import FILE, sign_verdict
    from harness.files import write_atomic
    from harness.report import render_verdict
    from harness.run.deciding import decide_recorded, require_figures, require_same_verdict

    signer = private_key(key, passphrase_of(passphrase))
    decided = decide_recorded(run)
    require_figures(decided.plan)
    require_same_verdict(decided)
    path = out or decided.directory.path / FILE
    _require_no_loss(path, key, decided.directory.path)
    signed = sign_verdict(decided.directory, render_verdict(decided.plan, decided.judgement), signer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, signed)
    except OSError as error:
        what = f"the signed verdict cannot be written: {error.strerror}"
        raise EvidenceError(what, where=str(path), hint="choose another file with --out") from error
    click.echo(f"{path}: signed with the key {signer.public_key.keyid:.16} ({signer.public_key.scheme})")
    click.echo(decided.judgement.decision.headline)
    return 0


def _require_no_loss(out: Path, key: Path, run: Path) -> None:
    """Refuse to write over the private key or a device, or beside the evidence of the run."""
    from harness.errors import UsageError

    path, run, reports = out.resolve(), run.resolve(), run.resolve() / "reports"
    where, hint = f"--out {out}", f"choose a file in {reports}, or outside the run"
    if path == key.resolve():
        raise UsageError("the file is the private key", where=where, hint=hint)
    if path.exists() and not path.is_file():
        raise UsageError("the path is not a file, and would be replaced", where=where, hint=hint)
    if path.is_relative_to(run) and not path.is_relative_to(reports):
        what = "the file is among the evidence of the run, which would be changed"
        raise UsageError(what, where=where, hint=hint)


@click.command()
@click.argument("envelope", type=_FILE, metavar="FILE")
@click.option("--key", required=True, type=_FILE, metavar="FILE", help="Public key of the signer in PEM form.")
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Also compare every evidence file and verdict.json of this run with what was signed.",
)
@click.option(
    "--subject",
    multiple=True,
    metavar="DIGEST",
    help="Require that the verdict is about this artifact: sha256:… of an image, or gitCommit:…; may be repeated.",
)
@click.option("--any-decision", is_flag=True, help="Exit with 0 for every authentic verdict, also for NO-GO.")
def verify(envelope: Path, key: Path, run: Path | None, subject: tuple[str, ...], *, any_decision: bool) -> int:
    """Verify a signed verdict, without a network.

    Exit code of an authentic verdict: that of its decision, 0 for GO, 1 for NO-GO, 10 for INCONCLUSIVE. Exit code 4: the file is not
    authentic, or not about the artifact or the run.
    """
    from harness.extras import ATTEST, require

    require(ATTEST, "`readiness verify`")
    from harness.errors import Exit
    from harness.evidence.signed.keys import public_key
    from harness.evidence.signed.verdicts import require_run, require_subject, verified
    from harness.model.judged.outcome import DECISION_EXITS
    from harness.run.which import run_path

    signer = public_key(key)
    signed = verified(envelope, signer)
    for digest in subject:
        require_subject(signed, digest)
    files = None if run is None else require_run(signed, run_path(run))
    click.echo(f"authentic: signed with the key {signer.keyid:.16} ({signer.scheme})")
    for one in signed.subjects:
        click.echo(f"about {one}")
    if files is not None:
        click.echo(f"the run is as it was recorded: {files} evidence files, manifest.json and verdict.json")
    click.echo(signed.verdict.headline)
    return Exit.GO if any_decision else DECISION_EXITS[signed.decision]
