"""Signed verdicts: what the statements of a run contain, and each file that is refused, with its cause and its cure."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import EvidenceError, Refused, UsageError
from harness.evidence import RunDirectory
from harness.evidence.signed.envelopes import MOST
from harness.evidence.signed.keys import private_key, public_key
from harness.evidence.signed.statements import (
    TEST_RESULT,
    VERDICT,
    file_subject,
    read_statement,
    result_predicate,
    statement,
    subjects_of,
)
from harness.evidence.signed.verdicts import require_run, require_subject, sign_verdict, verified
from harness.model import Outcome
from harness.model.judged.past import PastRow, PastRun
from tests.builders.signed_runs import COMMIT, good_run, key_pair, recorded, signed

PLAN = file_subject("plan.json", "0" * 64)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A recorded run that is a GO."""
    return recorded(tmp_path_factory.mktemp("runs"), good_run())


def verdict(decision: str, **rows: str) -> PastRun:
    """A verdict with a requirement of each name."""
    return PastRun(
        schema=2,
        run_id="run-1",
        decision=decision,
        headline=decision,
        profile="core",
        environment="staging",
        target="shop",
        time_scale=1,
        release="1.0.0",
        score=0,
        counts={},
        requirements=tuple(PastRow(id=name, verdict=word) for name, word in rows.items()),
    )


def result_of(given: PastRun) -> tuple[str, list[str], list[str], list[str]]:
    """The result of a test result, and the tests that passed, warned and failed."""
    made = json.loads(result_predicate(given, PLAN))
    return made["result"], made["passedTests"], made["warnedTests"], made["failedTests"]


def test_each_verdict_has_a_place_in_the_test_result(subtests: pytest.Subtests) -> None:
    """INCONCLUSIVE is never a warning and never left out, and only a GO of which all passed, and not only in part, is PASSED."""
    whole = verdict("GO", A="PASS")
    in_part = replace(whole, requirements=(replace(whole.requirements[0], not_tried=("loss of a region",)),))
    for one, expected in [
        (in_part, ("WARNED", [], ["A"], [])),
        (verdict("GO", A="PASS"), ("PASSED", ["A"], [], [])),
        (verdict("GO", A="PASS", B="WAIVED"), ("WARNED", ["A"], ["B"], [])),
        (verdict("GO", A="PASS", B="NOT_ASSESSED"), ("WARNED", ["A"], [], ["B"])),
        (verdict("GO", A="PASS", B="INCONCLUSIVE"), ("WARNED", ["A"], [], ["B"])),
        (verdict("NO-GO", A="FAIL", B="PASS"), ("FAILED", ["B"], [], ["A"])),
        (verdict("INCONCLUSIVE", A="INCONCLUSIVE"), ("FAILED", [], [], ["A"])),
        (verdict("INCONCLUSIVE", A="PASS"), ("FAILED", ["A"], [], [])),
        (verdict("PARTIAL", A="PASS"), ("FAILED", ["A"], [], [])),
    ]:
        with subtests.test(one.decision, rows=[row.verdict for row in one.requirements]):
            assert result_of(one) == expected


@given(
    st.sampled_from(["GO", "NO-GO", "INCONCLUSIVE", "PARTIAL"]),
    st.dictionaries(st.text(min_size=1), st.sampled_from([*Outcome.__members__])),
)
def test_each_requirement_is_in_exactly_one_list(decision: str, rows: dict[str, str]) -> None:
    """Nothing is PASSED but a GO in which all passed, and what did not pass is never among the passed."""
    result, *lists = result_of(verdict(decision, **rows))
    assert sorted(name for one in lists for name in one) == sorted(rows)
    assert set(lists[0]) == {name for name, word in rows.items() if word == "PASS"}
    assert (result == "PASSED") is (decision == "GO" and set(rows.values()) <= {"PASS"})
    assert (result == "FAILED") is (decision != "GO")


def test_a_verdict_of_another_version_has_no_test_result() -> None:
    """A word that is not known is not guessed."""
    with pytest.raises(ValueError, match="the verdict of A is 'SKIPPED', expected one of PASS"):
        result_predicate(verdict("GO", A="SKIPPED"), PLAN)


def test_the_statements_are_about_the_release_its_images_and_the_files(run: RunDirectory, tmp_path: Path) -> None:
    """Two statements of in-toto, whose second has `verdict.json` as its predicate, byte for byte."""
    private, _ = key_pair(tmp_path)
    payloads = [_payload(json.loads(line)) for line in signed(run, private).read_bytes().splitlines()]
    result, own = (json.loads(payload) for payload in payloads)
    assert {one["_type"] for one in (result, own)} == {"https://in-toto.io/Statement/v1"}
    assert (result["predicateType"], own["predicateType"]) == (TEST_RESULT, VERDICT)
    assert result["subject"] == own["subject"]
    assert [one["name"] for one in own["subject"]] == ["1.0.0", "example.test/shop", "verdict.json", "manifest.json"]
    assert [one["digest"] for one in own["subject"]][:2] == [{"gitCommit": COMMIT}, {"sha256": "ab" * 32}]
    assert own["subject"][2]["annotations"]["release"] == "1.0.0"
    assert (run.path / "verdict.json").read_bytes() in payloads[1]
    assert result["predicate"]["result"] == "WARNED"
    assert result["predicate"]["configuration"][0]["name"] == "plan.json"


def _payload(envelope: dict[str, Any]) -> bytes:
    return base64.b64decode(envelope["payload"])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["a@sha256:" + "1" * 64], ["a@sha256:" + "1" * 64], [("a", "1" * 64)]),
        (["a@sha256:" + "1" * 64], ["a@sha256:" + "2" * 64], []),
        (["sha256:" + "1" * 64], ["sha256:" + "1" * 64], [("w", "1" * 64)]),
        (["docker://b/a@sha256:" + "1" * 64], ["b/a@sha256:" + "1" * 64], [("b/a", "1" * 64)]),
        (["a:1.0"], ["a:1.0"], []),
        (["a@sha256:12"], ["a@sha256:12"], []),
        (["a@sha512:" + "1" * 128], ["a@sha512:" + "1" * 128], []),
    ],
)
def test_an_image_counts_if_each_reading_found_its_digest(
    before: list[str], after: list[str], expected: list[tuple[str, str]]
) -> None:
    """A tag may be moved, and an image that ran only at the start was not tested throughout."""
    reads = [{"workloads": {"w": before}}, {"workloads": {"w": after}}]
    about = {"run": "r", "target": "t", "environment": "e", "release": "1", "release_commit": ""}
    found = subjects_of({**about, "release_reads": reads}, "3" * 64, "4" * 64)
    assert [(one.name, one.digest["sha256"]) for one in found[:-2]] == expected


@pytest.mark.parametrize(("commit", "counts"), [(COMMIT, True), (COMMIT[:12], False), ("", False), ("v1.0.0", False)])
def test_a_commit_counts_if_it_is_complete(commit: str, *, counts: bool) -> None:
    """An abbreviated one may become another commit's."""
    about = {"run": "r", "target": "t", "environment": "e", "release": "1.0.0", "release_commit": commit}
    found = subjects_of({**about, "release_reads": []}, "3" * 64, "4" * 64)
    assert ({"gitCommit": commit} in [one.digest for one in found]) is counts
    assert found[-2].annotations["release"] == "1.0.0"


Edit = Callable[[list[dict[str, Any]]], object]


def _edited(path: Path, edit: Edit) -> None:
    """Edit the envelopes of a file, and write them in the form in which they are written."""
    envelopes = [json.loads(line) for line in path.read_bytes().splitlines()]
    edit(envelopes)
    path.write_bytes(b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in envelopes))


def _of_payload(change: Callable[[bytes], bytes]) -> Edit:
    def edit(envelopes: list[dict[str, Any]]) -> None:
        envelopes[1]["payload"] = base64.b64encode(change(_payload(envelopes[1]))).decode()

    return edit


def test_an_edited_envelope_is_refused(run: RunDirectory, tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Each with the line, what is wrong, and what to do."""
    cases: list[tuple[Edit, str, str]] = [
        (lambda e: e[0].update(signatures=[]), "is not signed: `signatures` is empty", "readiness attest-run"),
        (lambda e: e[0]["signatures"].append(e[1]["signatures"][0]), "has 2 signatures, expected 1", "--out FILE"),
        (lambda e: e[0].update(payloadType="text/plain"), "`payloadType` is 'text/plain', expected 'appli", "again"),
        (
            lambda e: e[0]["signatures"][0].update(sig=e[1]["signatures"][0]["sig"]),
            "signature does not belong",
            "again",
        ),
        (lambda e: e[0]["signatures"][0].update(keyid="00"), "is signed with the key '00', expected", "whom you trust"),
        (lambda e: e[0]["signatures"][0].update(cert="…"), "of the signature, are not texts", "again"),
        (lambda e: e[0]["signatures"][0].update(sig=1), "of the signature, are not texts", "again"),
        (lambda e: e[0].update(payload="?"), "the envelope cannot be decoded", "again"),
        (lambda e: e[0].pop("payload"), "not a DSSE envelope, expected the keys payload, payloadType", "attest-run"),
        (lambda e: e[0].update(more=1), "was formatted or encoded again", "byte for byte"),
        (_of_payload(lambda body: body.replace(b'"NO-GO"', b'"GO"') + b" "), "signature does not belong", "again"),
        (lambda e: e.pop(), "has 1 statements, expected 2", "again"),
        (lambda e: e.append(e[0]), "has 3 statements, expected 2", "again"),
        (lambda e: e.__setitem__(0, e[1]), "have the types urn:readiness-harness:verdict:2 and urn:", "again"),
        (lambda e: e.reverse(), "have the types urn:readiness-harness:verdict:2 and https:", "again"),
        (lambda e: e[0]["signatures"][0].update(keyid="\x1b[2J\nGO"), r"the key '\x1b[2J\nGO', expected", "whom you"),
    ]
    private, public = key_pair(tmp_path)
    for number, (edit, cause, cure) in enumerate(cases):
        with subtests.test(cause, number=number):
            path = signed(run, private)
            _edited(path, edit)
            with pytest.raises(Refused) as refused:
                verified(path, public_key(public))
            assert cause in refused.value.what
            assert cure in refused.value.hint
            assert refused.value.where.startswith(str(path))


def test_another_file_is_refused(run: RunDirectory, tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Truncated, encoded again, with a key twice, huge, or something else."""
    cases: list[tuple[Callable[[bytes], bytes], str]] = [
        (lambda body: body[:-1], "does not end: the file was truncated"),
        (lambda body: body[: len(body) // 3], "does not end: the file was truncated"),
        (lambda body: b"", "has 0 statements, expected 2"),
        (lambda body: json.dumps(json.loads(body.splitlines()[0]), indent=1).encode(), "is not a signed statement"),
        (lambda body: body.replace(b'":"', b'": "', 1), "was formatted or encoded again"),
        (lambda body: body.replace(b"\n", b"\r\n"), "was formatted or encoded again"),
        (lambda body: body.decode().encode("utf-16"), "is not a signed statement"),
        (lambda body: b'{"payload":"",' + body[1:], "the key 'payload' is defined twice"),
        (lambda body: b'{"\\nGO":1,"\\nGO":1,' + body[1:], r"the key '\\nGO' is defined twice"),
        (lambda body: b"[" * 100_000 + b"\n", "the JSON is nested too deeply"),
        (lambda body: b"[1]\n", "is not a DSSE envelope"),
        (lambda body: b" " * (MOST + 1), f"has more than {MOST} bytes"),
        (lambda body: b"\0" * 1000 + b"\n", "is not a signed statement"),
    ]
    private, public = key_pair(tmp_path)
    for number, (change, cause) in enumerate(cases):
        with subtests.test(cause, number=number):
            path = signed(run, private)
            path.write_bytes(change(path.read_bytes()))
            with pytest.raises(Refused, match=cause) as refused:
                verified(path, public_key(public))
            assert refused.value.hint


def test_a_verdict_that_another_key_signed_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    """Signed anew, or with the identifier of the expected key."""
    private, public = key_pair(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = key_pair(tmp_path / "other")
    path = signed(run, other)
    with pytest.raises(Refused, match="is signed with the key"):
        verified(path, public_key(public))
    _edited(path, lambda e: [one["signatures"][0].update(keyid=public_key(public).keyid) for one in e])
    with pytest.raises(Refused, match="the signature does not belong to this statement and this key"):
        verified(path, public_key(public))
    assert verified(signed(run, private), public_key(public)).decision == "GO"


def test_another_payload_is_refused(subtests: pytest.Subtests) -> None:
    """What the holder of the key signed with another tool."""
    for payload, cause in [
        (b'{"_type":"a","_type":"b"}', "the key '_type' is defined twice"),
        (b"\xff", "the statement is not JSON"),
        (b"[]", "the payload is 'list', expected a statement of the type https://in-toto.io/Statement/v1"),
        (b'{"_type":"https://in-toto.io/Statement/v0.1"}', "expected a statement of the type"),
        (statement("https://example.test/x", (PLAN,), b"{}"), "the predicate has the type 'https://example.test/x'"),
        (statement(VERDICT, (PLAN,), b"{}")[:-1] + b',"more":1}', "is authentic, and is not in the form"),
        (statement(VERDICT, (PLAN,), b"{}").replace(b'":', b'": '), "is authentic, and is not in the form"),
        (b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"%s"}' % VERDICT.encode(), "names no artifacts"),
        (statement(VERDICT, (PLAN,), b"{}").replace(b'"name"', b'"title"'), "names no artifacts: subject.0.name"),
    ]:
        with subtests.test(cause, payload=payload), pytest.raises(Refused, match=cause):
            read_statement(payload, "file:1", "again")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_payload_is_read_or_refused(noise: bytes, at: int) -> None:
    """No other error."""
    body = statement(VERDICT, (PLAN,), b'{"schema":2}')
    for payload in (noise, body[:at] + noise + body[at:]):
        with suppress(Refused):
            assert read_statement(payload, "file:1", "again").kind in (VERDICT, TEST_RESULT)


@pytest.mark.parametrize(
    ("digest", "about"),
    [
        ("sha256:" + "ab" * 32, True),
        ("example.test/shop@sha256:" + "ab" * 32, True),
        (f"gitCommit:{COMMIT}", True),
        ("sha256:" + "ac" * 32, False),
        ("gitCommit:" + "ab" * 32, False),
    ],
)
def test_a_verdict_is_about_the_artifact_that_is_asked_for(
    run: RunDirectory, tmp_path: Path, digest: str, *, about: bool
) -> None:
    """Else an authentic GO of an earlier release would count for a later one."""
    private, public = key_pair(tmp_path)
    found = verified(signed(run, private), public_key(public))
    if about:
        require_subject(found, digest)
        return
    with pytest.raises(Refused, match="the verdict is not about"):
        require_subject(found, digest)


@pytest.mark.parametrize("typed", ["ab" * 32, "", "SHA256:" + "AB" * 32, "sha256:", "example.test/shop:1.0"])
def test_a_subject_that_is_no_digest_is_a_mistake(run: RunDirectory, tmp_path: Path, typed: str) -> None:
    """The release is not another one: the option is wrong."""
    private, public = key_pair(tmp_path)
    with pytest.raises(UsageError, match="is not a digest") as refused:
        require_subject(verified(signed(run, private), public_key(public)), typed)
    assert not isinstance(refused.value, Refused)


def test_another_run_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    """A file that was added, removed or put in place of another, a manifest made to fit, and a run that is none."""
    private, public = key_pair(tmp_path)
    found = verified(signed(run, private), public_key(public))
    assert require_run(found, run.path) == len(json.loads((run.path / "manifest.json").read_bytes())["files"])
    for change, cause in (
        ("echo x > history/more.ndjson", "history/more.ndjson: the file did not exist when the run ended"),
        ("rm watch/entry.parquet", "watch/entry.parquet: the file is missing"),
        ("cp watch/regions.parquet watch/entry.parquet", "watch/entry.parquet: the file was"),
        ("sed -i 's/GO/go/' verdict.json", "verdict.json is not the file whose digest was signed"),
        ("sed -i 's/core/cord/' manifest.json", "manifest.json is not the file whose digest was signed"),
        ("rm verdict.json", "verdict.json of the run cannot be read"),
        ("rm manifest.json", "the run has no manifest"),
        ("ln -s /etc/hostname target/host", "a symbolic link"),
    ):
        copy = tmp_path / "copy"
        subprocess.run(["cp", "-r", run.path, copy], check=True)
        subprocess.run(change, shell=True, cwd=copy, check=True)  # noqa: S602 - a line of this table
        with pytest.raises(Refused, match=cause):
            require_run(found, copy)
        subprocess.run(["rm", "-r", copy], check=True)
    with pytest.raises(UsageError, match="the run does not exist"):
        require_run(found, tmp_path / "none")


def test_a_changed_run_is_not_signed(run: RunDirectory, tmp_path: Path) -> None:
    """The signature would cover what was never recorded."""
    private, _ = key_pair(tmp_path)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", run.path, copy], check=True)
    (copy / "history" / "run.ndjson").write_bytes(b"")
    with pytest.raises(EvidenceError, match=r"the run is not as it was recorded: history/run\.ndjson"):
        sign_verdict(RunDirectory(copy), b"{}", private_key(private, None))
