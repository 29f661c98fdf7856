"""Terraform plans, workflow runs and coverage: the sentences about pipelines, and reports that must not be believed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.ingest.formats.redacted import HIDDEN, redacted_plan
from harness.drivers.ingest.formats.terraform import infrastructure_plan
from harness.drivers.ingest.formats.workflow import pipeline_run
from harness.errors import DriverError, HarnessError
from tests.builders.asked import COMMIT, oks, seen

PLAN: dict[str, Any] = {
    "format_version": "1.2",
    "terraform_version": "1.9.8",
    "timestamp": "2026-11-21T11:00:00Z",
    "planned_values": {"root_module": {}},
    "resource_changes": [{"address": "aws_eks_cluster.main", "change": {"actions": ["no-op"]}}],
    "complete": True,
    "errored": False,
}
CHANGES = "changes that the plan would make"


def planned(directory: Path, document: Any, origin: str = "target: paper") -> dict[str, bool | None]:
    """How the facts of a plan come out, beside which is a file of its origin."""
    (directory / "p.json").write_text(json.dumps(document))
    (directory / "p.json.origin.yaml").write_text(origin)
    when = 'the Terraform plan "infrastructure" of this target has been read'
    evidence = {"terraform-plan": {"infrastructure": "p.json"}}
    return oks(seen(directory, when, "no change would be made by the plan, younger than 7 d", evidence))


def test_what_a_plan_changes(tmp_path: Path) -> None:
    """A resource or an output; a check that fails, outputs as they are and drift change nothing."""
    assert planned(tmp_path, PLAN) == {"target": True, "age": True, CHANGES: True}
    check = {"address": {"to_display": "check.health", "kind": "check"}, "status": "fail"}
    assert planned(tmp_path, {**PLAN, "checks": [check]})[CHANGES] is True
    drift = {"address": "aws_vpc.main", "type": "aws_vpc", "change": {"actions": ["update"]}}
    outputs = {"vpc_id": {"actions": ["no-op"], "before": "vpc-1", "after": "vpc-1"}}
    assert planned(tmp_path, {**PLAN, "output_changes": outputs, "resource_drift": [drift]})[CHANGES] is True
    for actions in (["update"], ["delete", "create"]):
        changes = [{"address": "a.b", "change": {"actions": actions}}]
        assert planned(tmp_path, {**PLAN, "resource_changes": changes})[CHANGES] is False
    assert planned(tmp_path, {**PLAN, "output_changes": {"url": {"actions": ["create"]}}})[CHANGES] is False


def test_a_plan_that_does_not_say_of_which_target_it_is(tmp_path: Path) -> None:
    """It may be of another platform or environment: nothing was read that says it is of this one."""
    assert planned(tmp_path, PLAN, "release: 1.0.0") == {"target": None, "age": True, CHANGES: True}
    assert planned(tmp_path, PLAN, "target: staging")["target"] is None
    when = 'the Terraform plan "infrastructure" of this target has been read'
    evidence = {"terraform-plan": {"infrastructure": "p.json"}}
    (tmp_path / "p.json.origin.yaml").unlink()
    fact = seen(tmp_path, when, "no change would be made by the plan", evidence)["target"]
    assert (fact.ok, fact.observed) == (
        None,
        f"{tmp_path / 'p.json'} does not say of which target it is; write it into p.json.origin.yaml",
    )


_LOGS: dict[str, Any] = {"before": {"bucket": "logs"}, "after": {"bucket": "logs"}}
STATE_ONLY: dict[str, dict[str, Any]] = {
    "aws_s3_bucket.logs: import": {
        "address": "aws_s3_bucket.logs",
        "change": {"actions": ["no-op"], "importing": {"id": "hunter2"}, **_LOGS},
    },
    "module.network.aws_vpc.main: move": {
        "address": "module.network.aws_vpc.main",
        "previous_address": "aws_vpc.main",
        "change": {"actions": ["no-op"], "before": {}, "after": {}},
    },
    "aws_instance.old: forget": {
        "address": "aws_instance.old",
        "change": {"actions": ["forget"], "before": {}, "after": None},
    },
    "a.b: import and update": {
        "address": "a.b",
        "previous_address": "a.b",
        "change": {"actions": ["update"], "importing": {"id": "hunter2"}},
    },
}
"""What Terraform 1.5 to 1.7 writes of blocks `import`, `moved` and `removed`; an address that is as before is no move."""


def test_a_plan_that_changes_the_state_alone(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Terraform exits with 2, "changes present", for each of them: what is there is not yet as the files say."""
    for seen_as, change in STATE_ONLY.items():
        with subtests.test(seen_as):
            document = {**PLAN, "terraform_version": "1.7.5", "resource_changes": [change]}
            assert planned(tmp_path, document)[CHANGES] is False
            body = json.dumps(document).encode()
            assert infrastructure_plan(body, "p.json").changes == (seen_as,)
            kept = redacted_plan(body, "p.json")
            assert infrastructure_plan(kept, "p.json") == infrastructure_plan(body, "p.json")
            assert b"hunter2" not in kept


def test_a_plan_that_does_not_say_everything(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Ended with an error, incomplete, of nothing, too old: no evidence. Nor is one that names no change, and could be applied, or has a part that is not read.

    Such a part is an action that is invoked, a change that is left for later, and what no Terraform has yet; an empty one changes nothing.
    """
    parts = ("action_invocations", "deferred_changes", "resource_replacements")
    changes: list[tuple[dict[str, Any], str]] = [
        ({"errored": True}, "plan"),
        ({"complete": False}, "plan"),
        ({"resource_changes": []}, "resources in the plan"),
        ({"timestamp": "2026-11-01T00:00:00Z"}, "age"),
        ({"applyable": True}, "plan"),
        *(({part: [{"address": "action.migrate"}]}, "plan") for part in parts),
    ]
    for change, subject in changes:
        with subtests.test(change=change):
            assert planned(tmp_path, {**PLAN, **change})[subject] is None
    nothing: dict[str, Any] = {"applyable": False, **dict.fromkeys(parts, ())}
    assert planned(tmp_path, {**PLAN, **nothing}) == {"target": True, "age": True, CHANGES: True}


def test_what_is_no_plan(tmp_path: Path) -> None:
    """A state, and a plan of a format to come."""
    with pytest.raises(DriverError, match="is a state"):
        planned(tmp_path, {"format_version": "1.0", "values": {}})
    with pytest.raises(DriverError, match=r"has the format 2\.0"):
        planned(tmp_path, {**PLAN, "format_version": "2.0"})


SECRETS: dict[str, Any] = {
    **PLAN,
    "variables": {"region": {"value": "hunter2-a"}, "password": {"value": "hunter2-b"}},
    "planned_values": {
        "outputs": {
            "dsn": {"sensitive": True, "type": "string", "value": "hunter2-c"},
            "odd": {"value": "hunter2-d"},
            "url": {"sensitive": False, "value": "shop.test"},
        },
        "root_module": {
            "resources": [
                {
                    "address": "a.b",
                    "values": {"name": "main", "password": "hunter2-e"},
                    "sensitive_values": {"password": True},
                },
                {"address": "a.c", "values": {"password": "hunter2-f"}},
            ],
            "child_modules": [
                {
                    "address": "module.m",
                    "resources": [
                        {
                            "address": "module.m.a.b",
                            "values": {"users": [{"name": "u", "key": "hunter2-g"}], "keys": ["hunter2-h"]},
                            "sensitive_values": {"users": [{"key": True}], "keys": [True, False]},
                        }
                    ],
                }
            ],
        },
    },
    "prior_state": {
        "values": {"root_module": {"resources": [{"address": "a.b", "values": {"password": "hunter2-i"}}]}}
    },
    "resource_changes": [
        {
            "address": "a.b",
            "change": {
                "actions": ["update"],
                "before": {"name": "main", "password": "hunter2-j"},
                "after": {"name": "new", "password": "hunter2-k"},
                "before_sensitive": {"password": True},
                "after_sensitive": {"password": True},
                "after_unknown": {},
                "generated_config": "password = hunter2-l",
            },
        },
        {
            "address": "a.c",
            "change": {"actions": ["create"], "before": None, "after": "hunter2-m", "after_sensitive": True},
        },
    ],
    "resource_drift": [{"address": "a.d", "change": {"actions": ["update"], "before": {"token": "hunter2-n"}}}],
    "output_changes": {
        "dsn": {"actions": ["create"], "before": None, "after": "hunter2-o", "after_sensitive": True},
        "url": {"actions": ["no-op"], "after": "shop.test", "after_sensitive": False},
    },
    "configuration": {"root_module": {"variables": {"password": {"default": "hunter2-p", "sensitive": True}}}},
    "checks": [{"problems": [{"message": "hunter2-q"}]}],
}
"""Each text with `hunter2` is sensitive by its mark, or has none."""


def test_the_copy_of_a_plan_holds_no_sensitive_value() -> None:
    """And reads as the same changes, in the same file format; it says itself that it is redacted, and of which plan."""
    body = json.dumps(SECRETS).encode()
    copy = redacted_plan(body, "p.json")
    assert re.findall(r"hunter2-.", copy.decode()) == []
    found = json.loads(copy)
    assert infrastructure_plan(copy, "p.json") == infrastructure_plan(body, "p.json")
    note = found["readiness"]
    assert (note["sha256_of_the_plan"], note["left_out"]) == (
        hashlib.sha256(body).hexdigest(),
        ["checks", "configuration"],
    )
    assert note["copy"].startswith("redacted: without sensitive values")
    change = found["resource_changes"][0]["change"]
    assert (change["before"], change["after"]) == (
        {"name": "main", "password": HIDDEN},
        {"name": "new", "password": HIDDEN},
    )
    assert found["planned_values"]["outputs"]["url"] == {"sensitive": False, "value": "shop.test"}
    module = found["planned_values"]["root_module"]
    assert module["resources"][0]["values"] == {"name": "main", "password": HIDDEN}
    users = module["child_modules"][0]["resources"][0]["values"]
    assert users == {"users": [{"name": "u", "key": HIDDEN}], "keys": HIDDEN}
    assert found["variables"] == {"region": {"value": HIDDEN}, "password": {"value": HIDDEN}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PLAN, "values", "change"]), inner),
    max_leaves=12,
)


@settings(max_examples=200)
@given(changes=st.dictionaries(st.sampled_from([*SECRETS]), JSON, max_size=4))
def test_a_plan_that_is_read_is_redacted_to_one_that_reads_alike(changes: dict[str, Any]) -> None:
    """Whatever else is in it; one that cannot be read is not kept."""
    body = json.dumps({**SECRETS, **changes}).encode()
    with contextlib.suppress(DriverError):
        plan = infrastructure_plan(body, "p.json")
        assert infrastructure_plan(redacted_plan(body, "p.json"), "p.json") == plan


def job(name: str, conclusion: str | None = "success", **keys: Any) -> dict[str, Any]:
    """One job of this commit."""
    return {
        "name": name,
        "status": "completed",
        "conclusion": conclusion,
        "head_sha": COMMIT,
        "completed_at": "2026-11-21T11:00:00Z",
        **keys,
    }


WHEN = 'the workflow run "pipeline" of this commit has been read'
JOBS = "jobs that concluded with success"


def ran(directory: Path, document: Any) -> dict[str, bool | None]:
    """How the facts of a run come out."""
    (directory / "r.json").write_text(json.dumps(document))
    evidence = {"workflow-run": {"pipeline": "r.json"}}
    return oks(seen(directory, WHEN, "every job concluded with success", evidence))


def test_every_job_succeeded(tmp_path: Path) -> None:
    """As the API and as the command of GitHub write it."""
    assert ran(tmp_path, {"total_count": 2, "jobs": [job("test"), job("build")]}) == {"commit": True, JOBS: True}
    gh = {"name": "build", "status": "completed", "conclusion": "success", "completedAt": "2026-11-21T11:00:00Z"}
    assert ran(tmp_path, {"headSha": COMMIT, "status": "completed", "jobs": [gh]}) == {"commit": True, JOBS: True}
    may_fail = [{"name": "lint", "status": "completed", "conclusion": "failure", "number": 1}]
    assert ran(tmp_path, {"jobs": [job("test", steps=may_fail)]}) == {"commit": True, JOBS: True}
    matrix = [job(f"test ({python}, ubuntu-latest)") for python in ("3.11", "3.12")]
    assert ran(tmp_path, {"total_count": 2, "jobs": matrix}) == {"commit": True, JOBS: True}


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "skipped", "timed_out", "neutral"])
def test_a_job_that_did_not_succeed(tmp_path: Path, conclusion: str) -> None:
    """Skipped is not success."""
    assert ran(tmp_path, {"jobs": [job("test"), job("build", conclusion)]})[JOBS] is False
    shards = [f"integration tests (ubuntu-latest, python 3.11, postgres 15, redis 7, shard {n})" for n in (1, 2)]
    assert ran(tmp_path, {"jobs": [job(shards[0], conclusion), job(shards[1])]})[JOBS] is False


def test_runs_that_say_nothing(tmp_path: Path) -> None:
    """Not ended, without jobs, a page of a list, two jobs of one name, jobs of two commits; one that failed though each job succeeded lists not all."""
    assert ran(tmp_path, {"headSha": COMMIT, "jobs": [job("a", None, status="in_progress")]})[JOBS] is None
    assert ran(tmp_path, {"headSha": COMMIT, "jobs": []})[JOBS] is None
    assert ran(tmp_path, {"total_count": 31, "jobs": [job("a")]})["counts"] is None
    assert ran(tmp_path, {"jobs": [job("a"), job("a")]})["counts"] is None
    assert ran(tmp_path, {"jobs": [job("a", "failure"), job("a")]})["counts"] is None
    assert ran(tmp_path, {"jobs": [job("a"), job("a", "failure")]})["counts"] is None
    assert ran(tmp_path, {"jobs": [job("a"), job("b", head_sha="b" * 40)]})["counts"] is None
    assert ran(tmp_path, {"conclusion": "failure", "jobs": [job("test")]})["counts"] is None
    assert ran(tmp_path, {"conclusion": "success", "jobs": [job("test")]}) == {"commit": True, JOBS: True}


ATTEMPTS = [job("test", "failure", run_attempt=1), job("test", run_attempt=2)]


@pytest.mark.parametrize("jobs", [ATTEMPTS, ATTEMPTS[::-1], [*ATTEMPTS, job("build")]])
def test_a_job_that_failed_and_succeeded_is_undecided(tmp_path: Path, jobs: list[dict[str, Any]]) -> None:
    """As `filter=all` lists attempts, in any order: whether the last one is there is not known; the words say how to ask for it."""
    assert ran(tmp_path, {"jobs": jobs}) == {"commit": True, "counts": None, JOBS: None}
    fact = seen(tmp_path, WHEN, "every job concluded with success", {"workflow-run": {"pipeline": "r.json"}})["counts"]
    assert fact.observed.endswith("of attempts 1, 2: ask for the jobs of the last attempt (`filter=latest`)")
    assert ran(tmp_path, {"jobs": [*jobs, job("lint", "failure")]})[JOBS] is False
    assert ran(tmp_path, {"jobs": [job("test", "failure"), job("test", "cancelled")]})[JOBS] is False


def test_the_last_run_of_every_component(tmp_path: Path) -> None:
    """A component without a run is unknown; an older run that failed does not count."""
    (tmp_path / "components.yaml").write_text("- users\n- tracks\n")
    old = job("test", "failure", completed_at="2026-11-20T11:00:00Z")
    (tmp_path / "old.json").write_text(json.dumps({"workflowName": "users", "jobs": [old]}))
    (tmp_path / "new.json").write_text(json.dumps({"workflowName": "users", "jobs": [job("test")]}))
    then = 'every job concluded with success in the last run of every name of the register "components"'
    evidence, keys = {"workflow-run": {"pipeline": "*.json"}}, {"files": {"registers": "."}}
    facts = oks(seen(tmp_path, WHEN, then, evidence, **keys))
    assert facts == {"users: commit": True, f"users: {JOBS}": True, "tracks": None}


def test_which_run_was_the_last_must_be_told(tmp_path: Path) -> None:
    """A run without a date, or of the same hours in another zone, may be the last one: where it came out otherwise, nothing is known."""
    (tmp_path / "components.yaml").write_text("- users\n")
    then = 'every job concluded with success in the last run of every name of the register "components"'

    def last(newer: dict[str, Any], **keys: Any) -> dict[str, bool | None]:
        (tmp_path / "a.json").write_text(json.dumps({"workflowName": "users", "jobs": [job("test")]}))
        (tmp_path / "b.json").write_text(json.dumps({"workflowName": "users", "jobs": [newer], **keys}))
        evidence = {"workflow-run": {"pipeline": ["a.json", "b.json"]}}
        return oks(seen(tmp_path, WHEN, then, evidence, files={"registers": "."}))

    failed = job("test", "failure", completed_at=None)
    assert last(failed)["users: the last run"] is None
    assert last(job("test", None, status="in_progress", completed_at=None))["users: the last run"] is None
    assert last(job("test", "failure", completed_at="2026-11-21T11:00:00"))["users: the last run"] is None
    assert set(last(job("test", completed_at=None)).values()) == {True}
    assert set(last(job("test", "failure", completed_at="2026-11-20T11:00:00Z")).values()) == {True}


def test_a_job_that_does_not_say_its_commit() -> None:
    """The run is of the commit that each of its jobs names, or that it names itself."""

    def commit(**keys: Any) -> str:
        jobs = [
            {"name": "a", "conclusion": "success", "status": "completed", **own} for own in ({"head_sha": COMMIT}, {})
        ]
        jobs[1]["name"] = "b"
        return pipeline_run(json.dumps({"jobs": jobs, **keys}).encode(), "r.json").origin.commit

    assert commit() == ""
    assert commit(head_sha=COMMIT) == COMMIT


_ANY = json.dumps({**PLAN, "jobs": [job("test")]}).encode()


@settings(max_examples=150)
@given(st.binary(max_size=120), st.integers(0, len(_ANY)), st.integers(0, 40))
def test_any_bytes_are_a_report_or_an_error(body: bytes, at: int, cut: int) -> None:
    """Never another exception."""
    spoilt = _ANY[:at] + body + _ANY[at + cut :]
    for text in (body, spoilt):
        with contextlib.suppress(HarnessError):
            infrastructure_plan(text, "f")
        with contextlib.suppress(HarnessError):
            pipeline_run(text, "f")
