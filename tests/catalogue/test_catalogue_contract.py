"""The catalogue says what the contract says: form, gate, figure, operator, value, domain and quantifier of every row.

`contract.csv` is the contract, a row each; `tests.builders.contract_terms` takes a criterion apart in the same columns. A criterion that is worded otherwise has the
contract's words under `says`, which the reports show. Where a term of such a row is another one, the row is listed here with why.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pytest

from harness.catalogue import Catalogue, load_catalogue
from harness.model import Form, Requirement
from tests.builders.contract_terms import Terms, terms

_FILE: Final = Path(__file__).with_name("contract.csv")
CONTRACT: Final = {row["id"]: row for row in csv.DictReader(_FILE.read_text(encoding="utf-8").splitlines())}
_WHERE: Final = {"": 3, "staging and production": 2, "production": 1}

SAID_OTHERWISE: Final = {
    "ND-HPA-MAX": "the services of document 000 by name",
    "ND-DEP-LB": "from 10 s after the switch on is within 10 s of it",
    "ND-DEP-ALERTS": "the rules of the catalogue by name",
    "DA-IMG-NONROOT": "`equal to true`, as the state of containers is worded",
    "DA-IMG-FRONTEND-UID": "`equal to 1001`, as the state of containers is worded",
    "DA-IMG-FRONTEND-GID": "`equal to 1001`, as the state of containers is worded",
    "DA-IMG-PINNED": "no image with the tag latest is every image with another; no tag is the tag latest",
    "DA-K8S-PROBES": "the frontend by the name of its deployment",
    "DA-K8S-LIVENESS": "the frontend by the name of its deployment",
    "DA-K8S-READINESS": "the frontend by the name of its deployment; no request is sent to it where it gets none",
    "DA-GEO-PRIMARY-DB": "where the database has its primary, the primary runs",
    "DA-GEO-SECONDARY-DB": "a member is one of the database",
    "DA-NET-PORTS": "the only port that is reached: every connection to another one was refused",
    "AT-STG-MASKING": "no value is found unmasked: there are 0",
    "DA-GEO-PRIMARY-CLUSTER": "100 % of the replicas is a ready share of at least 100 %",
    "DA-SEC-SECRETS": "a log is read from its beginning; one that has lost it is INCONCLUSIVE",
    "DA-HPA-FE-MIN": "a minimum that is higher keeps more than the document asks for",
    "DA-HPA-FE-MAX": "never more than 50 is at most 50 at any moment",
    "DA-HPA-FE-CPU": "the frontend by the name of its deployment",
    "DA-HPA-FE-MEMORY": "the frontend by the name of its deployment",
    "DA-CA-ROLE": "annotation and form of a role by name",
    "AT-STB-RECOVERY": "a recovery below 30 s is being served again within 30 s",
    "AT-ENV-SECRETS": "the environment values are those of the workload specs; logs are read from their beginning",
    "AT-PROD-SERVER": "2 ready replicas on 2 nodes, each with its own limit",
    "AT-OPS-HEALTH": "the period of both probes, each with its own limit",
    "AT-GAP-BYPASS": "no workload with a switch is every workload with at most 0",
    "AT-TRG-MEMORY-QUIET": "the pod whose memory it is is named",
    "AT-TGT-STABILITY": "0 restarts are no restarts",
    "FI-MIT-RUNBOOKS": "100 % of the addresses answer: 0 are dead",
    "FI-UA-DEVOPS": "every one has them: 0 are missing",
    "FI-OPS-AUTOMATION": "more than asked for: the workloads of every feature and all others",
    "FI-REVIEW-STD-SECURITY": "every one has them: 0 are missing",
    "IP-PAT-GATEWAY": "the gateway by the name of its deployment",
    "IP-BP-IDEMPOTENT": "more than asked for: every acknowledged write is there once, those that were sent twice with one key among them",
    "IP-DATA-ARCHIVE": "the records are those of a table by name; 0 differences are equal checksums of every column",
    "IP-DB-REDIS": "serves within 30 s after its primary was killed is being served again within 30 s of its primary's death",
    "IP-DB-DURABLE": "more than asked for: every experiment of the database, not the loss of its primary alone",
    "IP-Q-CONSISTENCY": "sooner than asked for: read back when the load has ended, not 60 s later",
    "IP-MONITOR-ALERTS": "more than asked for: the rules of the document must be among those that are declared",
    "IP-PERF-BALANCE-FAILOVER": "a dead replica is a pod that was killed",
    "IP-SCALE-HORIZONTAL": "n and 2n are 2 and 4 replicas, of the frontend by name",
    "IP-SCALE-VERTICAL": "the frontend by name",
    "IP-SCALE-ELASTIC": "the frontend by name",
    "IP-SCALE-ELASTIC-IN": "the frontend by name, after a spike to 3 times the traffic",
    "IP-OBS-ALERTS": "an alert is every alert that fired",
    "AT-STG-AUTH": "no token of a test issuer is trusted: every call with one is refused with 401",
    "IP-SEC-APIKEY": "the right key is let in as the control of every call that is refused",
    "IP-SEC-OAUTH2": "more than asked for: by every protected operation; the right token is let in as the control of each call",
    "ND-PH2-AUTH": "over every protected operation: the calls cover it",
    "DA-SEC-STORE": "the ExternalSecret is named with its kind",
    "DA-SEC-STORE-REMOTE": "`equal to`, as the state of objects is worded; the ExternalSecret by its name; it reads where it is ready",
    "DA-SEC-REFRESH": "the password is a key that is rotated under traffic",
    "AT-SEC-GDPR-EXPORT": "a user is a person; nothing of others, besides",
    "IP-SEC-PII-EXPORT": "nothing of others, besides",
    "IP-SEC-AUDIT": "beside the traffic 400 planted calls, of which 300 are refused",
    "AT-RISK-AUTH": "a call without a valid token is a foreign one, refused is any answer but 2xx; for 20 s",
    "IP-BP-DEPTH": "a forbidden call is a foreign one; taken away is switched off",
    "ND-RISK-SECURITY": "100 % of the calls is every call",
    "IP-MONITOR-SECURITY": "a burst is each of 1",
    "FI-MET-DETECT": "below 30 s is in less than 30 s",
    "IP-ROAD-AUTONOMOUS": "by no hand is with 0 manual steps",
    "IP-SEC-MTLS": "more than asked for: at every listener that is declared as mutual",
    "DA-AWS-WAF": "more than asked for: at every public listener",
    "DA-GEO-LB": "every path is that of every public listener of the host",
    "DA-DR-BACKUP": "the copy and the database are named; the newest backup is the newest dump",
    "AT-SEC-BACKUP-RESTORE": "more than asked for: the row counts, too, and the checksums are those of what serves",
    "DA-BAK-DB-PLACE": "the backups are those of the database; the checksum is one that the backup has",
    "DA-BAK-DB-EXPIRED": "none is nothing; the backups are those of the database",
    "DA-GEO-TLS": "more than asked for: at every public listener",
}
"""Rows whose criterion has another quantifier, operator, value or domain than the contract, and proves as much."""
_NOT_IN_ORDER: Final = ("quantifier", "operator", "value", "domain")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The bundled one."""
    return load_catalogue()


def contracted(row: str) -> Terms:
    """The terms of the contract."""
    return Terms(**{name: CONTRACT[row][name] for name in Terms._fields})


def others(row: Requirement) -> tuple[str, ...]:
    """The terms beside the figure's words that are other ones than the contract's, in whatever order."""
    mine, theirs = terms(row.criterion)._asdict(), contracted(row.id)._asdict()
    return tuple(name for name in _NOT_IN_ORDER if sorted(mine[name].split("; ")) != sorted(theirs[name].split("; ")))


def said(row: Requirement) -> Terms:
    """What the catalogue says in the contract's words: the criterion, or `says`."""
    return terms(row.says or row.criterion)


def test_the_rows_are_those_of_the_contract(catalogue: Catalogue) -> None:
    """771 ids, each with its form and gate, in as many environments."""
    assert catalogue.requirements.keys() == CONTRACT.keys()
    found = {row.id: (row.form.value, row.gate.value, len(row.environments)) for row in catalogue.requirements.values()}
    assert found == {id_: (row["form"], row["gate"], _WHERE[row["gates_in"]]) for id_, row in CONTRACT.items()}


@pytest.mark.parametrize("form", [Form.MEASURED, Form.INGESTED])
def test_every_criterion_has_the_terms_of_the_contract_or_says_them(catalogue: Catalogue, form: Form) -> None:
    """Figure, operator, value, domain and quantifier; whose number it is, too."""
    rows = [row for row in catalogue.requirements.values() if row.form is form]
    assert {row.id: said(row) for row in rows} == {row.id: contracted(row.id) for row in rows}
    ours = {row.id for row in rows if "(interpretation" in row.criterion}
    assert ours ^ {row.id for row in rows if CONTRACT[row.id]["ours"]} <= {"IP-BP-IDEMPOTENT"}


def test_a_measured_row_that_differs_is_known_with_its_reason(catalogue: Catalogue) -> None:
    """Another word for the same figure is no difference; each other term is, and none is cut in silence."""
    measured = [row for row in catalogue.requirements.values() if row.form is Form.MEASURED]
    assert {row.id for row in measured if others(row)} == SAID_OTHERWISE.keys()


def test_a_derived_row_is_made_of_the_rows_of_the_contract(catalogue: Catalogue) -> None:
    """All of them, in any order."""
    derived = [row for row in catalogue.requirements.values() if row.form is Form.DERIVED]
    assert {row.id: "; ".join(sorted(row.parts)) for row in derived} == {
        row.id: CONTRACT[row.id]["domain"] for row in derived
    }


def test_a_criterion_that_is_cut_is_found(catalogue: Catalogue, subtests: pytest.Subtests) -> None:
    """As four of them were: by one domain, one quantifier, one value or one operator; of a row that is said otherwise, in the contract's words."""
    for row, before, after, differ in [
        ("ND-RISK-DATALOSS", ", node or network", " or node", ("domain",)),
        ("DA-DR-RTO", ", a region, all database members", " or of a region", ("quantifier", "domain")),
        ("DA-DR-RPO", "any disaster experiment", "the region's experiment", ("quantifier", "domain")),
        ("ND-PH1-GATEWAY", "of every region", "of the primary region", ("quantifier", "domain")),
        ("ND-KPI-P95", "200 ms", "250 ms", ("value",)),
        ("ND-KPI-P95", "is below", "is at most", ("operator",)),
        ("ND-HPA-CPU", " within 6 min", "", ("operator", "value")),
        ("ND-HPA-MEMORY", ", at 70 % they do not", "", ("value",)),
        ("ND-HPA-MIN", "no service is", "the frontend is not", ("quantifier", "domain")),
        ("ND-HPA-MAX", ", traffic spike included", "", ("domain",)),
        ("ND-HPA-UP-COOLDOWN", "every traffic spike", "a traffic spike", ("quantifier",)),
        ("ND-HPA-DOWN-COOLDOWN", "5 min", "3 min", ("value",)),
        ("ND-DEP-ALERTS", " in every region", "", ("quantifier", "domain")),
    ]:
        with subtests.test(before):
            own = catalogue.requirement(row)
            text = own.says or own.criterion
            assert before in text
            cut = terms(text.replace(before, after))
            assert (
                tuple(name for name in _NOT_IN_ORDER if getattr(cut, name) != getattr(contracted(row), name)) == differ
            )
            assert cut != contracted(row)
