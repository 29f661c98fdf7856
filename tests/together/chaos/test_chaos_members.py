"""Every member of the database is lost with its volume, against a real API server, and restored by the procedure of the target file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from harness.chaos import actions, members, probes
from harness.chaos.session import session
from harness.errors import ConfigurationError, DriverError, FaultNotInjected, TargetSilent
from harness.targets.files.drills import DatabaseRestore
from harness.targets.kubernetes import Cluster
from harness.targets.restoring import restore_database
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import undo_intent

if TYPE_CHECKING:
    from pathlib import Path

MEMBERS = ["postgres-us-east-1-0", "postgres-eu-west-1-0"]
SECOND = 1.0


def restored_by(**procedure: Any) -> None:
    """The target file names this procedure."""
    target = session().target
    assert target.database is not None
    database = target.database.model_copy(update={"restore": DatabaseRestore(**procedure)})
    session().target = target.model_copy(update={"database": database})


def with_claims(pocket: Any) -> None:
    """Each member has a claim of a volume."""
    for member in MEMBERS:
        pod = pocket.get("Pod", "database", member)
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{member}"}}
        pocket.create(
            "PersistentVolumeClaim", {"metadata": {"name": f"data-{member}", "namespace": "database"}, "spec": {}}
        )
        pocket.change("Pod", "database", member, spec={**pod["spec"], "volumes": [claim]})


def silent(pocket: Any) -> None:
    """No member reports anything, as new ones without data."""
    for member in MEMBERS:
        meta = pocket.get("Pod", "database", member)["metadata"]
        pocket.change("Pod", "database", member, metadata={**meta, "annotations": {}})


def test_all_members_go_with_their_claims_and_the_way_back_is_on_disk_first(pocket: Any) -> None:
    """The confirming probe sees that pods and claims are gone; recovery runs the procedure, and may be done twice."""
    restored_by(command=("true",))
    with_claims(pocket)
    hits = actions.lose_members()
    assert {hit["name"] for hit in hits["hit"]} == {*MEMBERS}
    assert probes.members_gone(within_s=SECOND)
    (intent,) = pending_intents(session().platform)
    assert (intent.undo["do"], intent.undo["region"]) == ("restore-members", "us-east-1")
    undo_intent(session().cluster, session().target, intent)
    undo_intent(session().cluster, session().target, intent)
    assert not [*pending_intents(session().platform)]


def test_an_order_that_the_api_did_not_answer_is_given_again(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first order of each member was not answered: no member is left over which nothing can be restored."""
    restored_by(command=("true",))
    with_claims(pocket)
    given, silent = Cluster.delete_pod, {*MEMBERS}

    def delete_pod(cluster: Cluster, namespace: str, name: str, *, grace_s: int | None = None) -> None:
        if name in silent:
            silent.remove(name)
            raise TargetSilent("the API server gave no answer")
        given(cluster, namespace, name, grace_s=grace_s)

    monkeypatch.setattr(Cluster, "delete_pod", delete_pod)
    actions.lose_members()
    assert not silent
    assert probes.members_gone(within_s=SECOND)


def test_an_api_that_never_answers_is_the_reason_why_the_fault_is_not_confirmed(
    pocket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the last order is raised; the way back stays on disk."""
    restored_by(command=("true",))
    with_claims(pocket)

    def delete_pod(*_: Any, **__: Any) -> None:
        raise TargetSilent("the API server gave no answer")

    monkeypatch.setattr(Cluster, "delete_pod", delete_pod)
    monkeypatch.setattr(members, "_ORDERED_WITHIN_S", 0.0)
    with pytest.raises(TargetSilent, match="gave no answer"):
        actions.lose_members()
    assert [*pending_intents(session().platform)]


def test_a_claim_that_stays_keeps_the_fault_from_being_confirmed(pocket: Any) -> None:
    """Its finalizer holds it, as that of a volume in use: what was lost may still be there."""
    restored_by(command=("true",))
    with_claims(pocket)
    name = f"data-{MEMBERS[1]}"
    meta = pocket.get("PersistentVolumeClaim", "database", name)["metadata"]
    pocket.change("PersistentVolumeClaim", "database", name, metadata={**meta, "finalizers": ["example.test/kept"]})
    actions.lose_members()
    with pytest.raises(FaultNotInjected, match=f"the claim {name} still existed"):
        probes.members_gone(within_s=SECOND)


def test_nothing_is_lost_without_a_procedure_or_while_a_member_lags(pocket: Any) -> None:
    """It is said before anything is broken."""
    with pytest.raises(ConfigurationError, match="names no procedure that restores the database"):
        actions.lose_members()
    restored_by(command=("true",))
    meta = pocket.get("Pod", "database", MEMBERS[1])["metadata"]
    lags = {"status": json.dumps({"state": "running", "role": "replica"})}
    pocket.change("Pod", "database", MEMBERS[1], metadata={**meta, "annotations": lags})
    with pytest.raises(FaultNotInjected, match="postgres-eu-west-1-0 does not stream"):
        actions.lose_members()
    assert not [*pending_intents(session().platform)]


def test_the_procedure_runs_only_while_no_member_leads(pocket: Any, tmp_path: Path) -> None:
    """Nothing is restored over a member that serves; a command that fails is an error, and the entry stays in the undo log."""
    restored_by(command=("touch", str(tmp_path / "restored")))
    restore_database(session().cluster, session().target)
    assert not (tmp_path / "restored").exists()
    silent(pocket)
    restore_database(session().cluster, session().target)
    assert (tmp_path / "restored").exists()
    restored_by(command=("false",))
    with pytest.raises(DriverError, match="ended with 1"):
        restore_database(session().cluster, session().target)


def test_the_words_of_the_procedure_are_kept_and_nothing_else_of_its_output(pocket: Any) -> None:
    """They are what the group of the expression finds last; without an expression nothing is kept."""
    words = "echo token s3cret; echo restores base-1; echo restores base-2"
    for expression, said in ((r"restores (\S+)", "base-2"), (r"recovers (\S+)", ""), (None, "")):
        restored_by(command=("sh", "-c", words), restored_from=expression)
        silent(pocket)
        assert restore_database(session().cluster, session().target) == said


def test_the_experiment_tells_what_was_restored(pocket: Any) -> None:
    """The action that restores has it in its output, once."""
    restored_by(command=("echo", "restores base-1"), restored_from=r"restores (\S+)")
    with_claims(pocket)
    actions.lose_members()
    silent(pocket)
    assert actions.restore_members() == {"regions": ["us-east-1"], "restored_from": "base-1"}
    assert actions.restore_members() == {"regions": []}


def test_an_expression_without_a_group_is_refused() -> None:
    """So that it is clear which words are kept."""
    with pytest.raises(ValidationError, match="a regular expression with one group in parentheses; this one has 0"):
        DatabaseRestore(command=("true",), restored_from="restores")


def test_a_cronjob_that_is_not_there_is_named(pocket: Any) -> None:
    """With its place in the target file."""
    restored_by(cronjob="restore")
    silent(pocket)
    with pytest.raises(ConfigurationError, match="there is no CronJob database/restore"):
        restore_database(session().cluster, session().target)


def test_a_job_of_the_cronjob_is_run_and_removed(pocket: Any) -> None:
    """It has the CronJob's template, the label of the harness, and a minute; it does not end here, which is said."""
    restored_by(cronjob="restore", within="1 s")
    template = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}
    spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": template}
    pocket.create("CronJob", {"metadata": {"name": "restore", "namespace": "database"}, "spec": spec})
    silent(pocket)
    with pytest.raises(DriverError, match="database/readiness-restore did not end within 1 s"):
        restore_database(session().cluster, session().target)
    made = pocket.get("Job", "database", "readiness-restore")
    assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "readiness"
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "i"
