"""Sentences on the declared and running state, and the check that each asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.model import Figure, Per, Scope
from tests.steps.objectives import FAULT, at_most, below, fact, holds, lost, scaled, within

STATE_SENTENCES: Final = {
    "every container has run-as-non-root equal to true and user id other than 0": fact(
        "state-of-containers", has="run-as-non-root equal to true and user id other than 0"
    ),
    "every workload has ready replicas at least 2, nodes at least 2 and resources stated": fact(
        "state-of-workloads", has="ready replicas at least 2, nodes at least 2 and resources stated"
    ),
    "every workload of region us-east-1 has ready share at least 100 % in the steady state": fact(
        "state-of-workloads", region="us-east-1", has="ready share at least 100 %"
    ),
    "a pod pending for lack of CPU runs within 10 min": replace(
        fact("pending-pod-runs", within="10 min"), times={"limit": scaled("10 min")}
    ),
    "the self-service portal answers 200 and every link on its first page answers below 400": fact("portal-links"),
    "every alert rule names a runbook and 100 % of these addresses answer 200": fact("alert-runbooks"),
    "every alert rule names a runbook and 100 % of these addresses answer 200 and name this release": fact(
        "alert-runbooks", of="release"
    ),
    "the memory and CPU of every pod stay below 80 % of their limits in the steady state": fact(
        "pod-resources", share="80 %"
    ),
    "every success metric of the document has a dashboard panel with data younger than 60 s": fact(
        "metric-panels", age="60 s"
    ),
    "Grafana answers healthy and every panel of every dashboard has data of the last 5 min": fact(
        "grafana-panels", last="5 min"
    ),
    'a CPU profile of 30 s was obtained from every service under "everyday" traffic': replace(
        fact("cpu-profiles", lasting="30 s"), times={"lasting": scaled("30 s")}
    ),
    "the count and p95 of every query of every store are exposed and at most 60 s old": fact(
        "store-queries", age="60 s", bound="at most"
    ),
    "the page timing of every page is exposed and at most 60 s old in the steady state": fact(
        "page-timings", age="60 s", bound="at most"
    ),
    "the exposed restart count of every pod equals that of the Kubernetes API after the recovery": fact(
        "restart-counts"
    ),
    "the assets of every page are compressed, named by hash and below 500 kB together": fact("page-assets", most="500"),
    "the documentation address answers 200 and names this version within 24 h of the switch": replace(
        fact("documentation", age="24 h"), times={"age": scaled("24 h")}
    ),
    "the newest quality report is younger than 24 h and names the running release": replace(
        fact("quality-report", age="24 h"), times={"age": scaled("24 h")}
    ),
    'service "web" has type LoadBalancer, maps port 80 to 3000 and has at least 3 ready endpoints': fact(
        "service-endpoints", service="web", type="LoadBalancer", port="80", target_port="3000", at_least="3"
    ),
    "after the migration forward and back, row count and checksum of every table equal those before": fact(
        "migrated-and-back"
    ),
    "no answer with a feature is served later than 5 s after its flag is off, under traffic": fact(
        "flag-off", within="5 s"
    ),
    "the updated dashboard is served in every region within 60 s after the flag is on": fact(
        "flag-page", within="60 s"
    ),
    "the enhanced metrics are exposed by every service within 60 s after the flag is on": fact(
        "flag-metrics", within="60 s"
    ),
    'every container of deployment "web" has user id equal to 1001': fact(
        "container-user", deployment="web", has="user id equal to 1001"
    ),
    'every container of deployment "web" has NODE_ENV "production" and port 3000': fact(
        "container-environment", deployment="web", variable="NODE_ENV", value="production", port="3000"
    ),
    'every probed container of deployment "web" has liveness delay equal to 30 s and readiness period equal to 6 s': fact(
        "container-probes", deployment="web", has="liveness delay equal to 30 s and readiness period equal to 6 s"
    ),
    'the autoscaler "web-hpa" targets deployment "web" and reports ScalingActive true': fact(
        "autoscaler-target", autoscaler="web-hpa", deployment="web"
    ),
    'deployment "web" has 3 ready replicas with requests 250m, 256Mi and limits 500m, 512Mi': fact(
        "deployment-size",
        deployment="web",
        replicas="3",
        cpu="250m",
        memory="256Mi",
        cpu_limit="500m",
        memory_limit="512Mi",
    ),
    'the annotation "role" of service account "a" of namespace "kube-system" has value like arn:##:role/*': fact(
        "annotation-of-account", account="a", namespace="kube-system", annotation="role", has="value like arn:##:role/*"
    ),
    "the Kubernetes API of every region reports version 1.28 or newer": fact("api-version", at_least="1.28"),
    "the database of every region reports version 15.4 or newer": fact("database-version", at_least="15.4"),
    "the database has its primary in us-east-1 in the steady state": fact("database-primary", region="us-east-1"),
    "the database has at least 1 member in eu-west-1 that streams from the primary and refuses writes": fact(
        "database-standbys", region="eu-west-1", at_least="1"
    ),
    "the database has the declared settings and 1 synchronous standby": fact("database-settings", synchronous="1"),
    "every stored password is an argon2id, scrypt or bcrypt hash": fact(
        "password-hashes", forms="argon2id scrypt bcrypt"
    ),
    "a marker written as personal data is found in clear in no database file or write-ahead log": fact(
        "markers-in-clear", **{"class": "personal", "kind": "database"}
    ),
    "a marker written before the backup is found in clear in no backup file": fact(
        "markers-in-clear", **{"class": "", "kind": "backup"}
    ),
    "a marker written as personal data is found in clear in no log": fact(
        "markers-in-clear", **{"class": "personal", "kind": "log"}
    ),
    "a marker written through the API is in clear in no data file, and no encrypted value names another cipher than AES-256": fact(
        "markers-and-ciphers", cipher="AES-256"
    ),
    "every column is classified and no personal marker is found in clear in any database file": fact(
        "classified-and-hidden", **{"class": "personal"}
    ),
    "no encrypted value in any table names another cipher than AES-256": fact("cipher-of-values", cipher="AES-256"),
    "no key in use is older than 31 d": fact("key-ages", age="31 d"),
    "no request failed and the old key was refused within 5 min when a key was rotated under traffic": fact(
        "secret-rotation", within="5 min", of="refused"
    ),
    "no request failed and every service used the new one within 45 s when a key was rotated under traffic": fact(
        "secret-rotation", within="45 s", of="used"
    ),
    'ExternalSecret "s" has store equal to vault, remote key equal to prod/shop and ready equal to True': fact(
        "store-of-secret", name="s", has="store equal to vault, remote key equal to prod/shop and ready equal to True"
    ),
    'the key "k" of secret "s" has owner equal to ExternalSecret/s': fact(
        "owner-of-secret", key="k", secret="s", has="owner equal to ExternalSecret/s"
    ),
    "no secret value is found in a manifest, a literal environment value or a log line": fact("secrets-hidden"),
    'every service is reached through "gate" and none answers a call from outside that goes around it': fact(
        "gateway-only", gateway="gate"
    ),
    "every request over the pool's size is answered or refused with 503 within 5 s during the burst": fact(
        "pool-burst", within="5 s"
    ),
    "every call without a token was refused with 401": fact("refused-calls", noun="calls-without-token", status="401"),
    "every call with scope READ only was refused with 403 and the calls cover every write operation": fact(
        "refused-calls",
        **{"noun": "calls-with-scope-only", "scope": "READ", "status": "403", "class": "write operation"},
    ),
    "every call from a foreign origin was refused with 403 and the calls cover every state-changing operation": fact(
        "foreign-origin-calls", **{"status": "403", "class": "state-changing operation"}
    ),
    "a token of the one issuer is accepted by every service and one of another issuer by none": fact(
        "refused-calls", noun="calls-of-foreign-issuer", status="401"
    ),
    "every pair of role and operation was answered as the declared matrix says": fact("role-matrix"),
    "every role has exactly the scopes declared for it": fact("role-scopes"),
    "every described operation was called and answered as its description says": fact("described-operations"),
    "every core operation was called and answered as its description says for up to 100 different inputs": fact(
        "core-operations", inputs="100"
    ),
    "each of 1000 malformed inputs to every described operation that takes any is refused with 4xx, 0 answered 5xx": fact(
        "malformed-inputs", inputs="1000"
    ),
    "every right sign-in got a token and every wrong one 401, at least 1000 of each": fact("sign-ins", count="1000"),
    "every session was refused with 401 within 5 s after its sign-out and after its expiry": fact(
        "sessions-end", within="5 s"
    ),
    "every session id after sign-in differs from the one before it": fact("session-ids"),
    "every session cookie is Secure, HttpOnly and SameSite": fact("session-cookies"),
    "every password under 12 characters or on the common list was refused at sign-up and at change": fact(
        "weak-passwords-refused"
    ),
    "every call with a role taken away was refused with 403 in every region within 60 s": fact(
        "role-taken-away", within="60 s"
    ),
    "every operation and field of the last accepted release's API is still answered": fact("accepted-operations"),
    "every declared call between services was answered as its contract says in the steady state": fact(
        "declared-calls"
    ),
    "100 % of the operations the target serves are described in its API document": fact("served-operations"),
    "a user signs in, refreshes the token and is served with the new one, each with status 200": fact(
        "token-refreshed"
    ),
    "at least 95 % of the calls over the declared rate got 429 with Retry-After during the burst": fact(
        "calls-limited", share="95 %"
    ),
    "the error rate of every other client is below 1 % during the burst": fact("others-unharmed", limit="1 %"),
    "at least 95 % of each region's requests are served in that region in the steady state": fact(
        "region-serves", at_least="95 %"
    ),
    "every table of staging has at least 10 % of production's rows at the same schema version": fact(
        "production-subset", at_least="10 %"
    ),
    "every table of staging has 0 unmasked personal values of production": fact("values-masked"),
    "every ready replica serves between 0.8 and 1.2 of an equal share in the steady state": within(
        Figure.REPLICA_SHARE, "1", "0.2"
    ),
    "no pod restarts outside experiments over a soak of 8 h": holds(Figure.RESTARTS, times={"soak": "8 h"}),
    "the resident memory of every service grows by less than 10 MB after warm-up over an 8 h soak": below(
        Figure.MEMORY_GROWTH, "10 MB", times={"soak": scaled("8 h")}
    ),
    "the metrics show a number of active users within 5 % of what the traffic measured": at_most(
        Figure.ACTIVE_USERS, "5 %"
    ),
    "no request is sent to a killed pod later than 10 s after its death": below(
        Figure.FIRST_REQUEST, "10 s", lost("pod", "pod-loss"), params={"of": "killed"}
    ),
    "every killed pod is replaced by a ready one within 60 s with 0 manual steps": below(
        Figure.REPLACED, "60 s", lost("pod", "pod-loss"), params={"manual_steps": "0"}
    ),
    'a hung container of "normaldance-frontend" is restarted within 45 s': below(
        Figure.RESTARTED, "45 s", FAULT, params={"workload": "normaldance-frontend"}
    ),
    'no request is sent to an unready pod of "normaldance-frontend" later than 20 s after it turned unready': below(
        Figure.LAST_REQUEST, "20 s", FAULT, params={"workload": "normaldance-frontend"}
    ),
    "the response time p95 of every route is at most 1.2 times that of the baseline run": below(
        Figure.BASELINE_FACTOR, "1.2", Scope(per=Per.ROUTE), quantile=0.95
    ),
    "the response time p95 of every route in the last hour of a soak of 8 h is at most 1.2 times that of the first hour": below(
        Figure.LAST_HOUR, "1.2", Scope(per=Per.ROUTE), quantile=0.95, times={"soak": "8 h"}
    ),
    "the response time p50 of any two windows of 10 min differs by at most 30 % in the steady state": below(
        Figure.VARIATION, "30 %", quantile=0.5, times={"of every": scaled("10 min")}
    ),
    "the metrics show a p95 and requests per second within 10 % of what the traffic measured": within(
        Figure.EXPOSED, "10 %", params={"what": "performance"}
    ),
    "the error count of every service by route equals the failures that the traffic saw there over the run": holds(
        Figure.EXPOSED, limit="0 %", params={"what": "errors by route"}
    ),
    "the response time p95 of every database query is below 500 ms in the steady state": below(
        Figure.QUERY_TIME, "500 ms", quantile=0.95
    ),
    "every connection seen between services and stores is a declared dependency": holds(
        Figure.CONNECTIONS, params={"what": "dependencies"}
    ),
    "no workload outside the data access layer is connected to a store in the steady state": holds(
        Figure.CONNECTIONS, params={"what": "data access"}
    ),
    "every service opens less than 1 database connection per 100 requests in the steady state": below(
        Figure.POOLING, "1 %"
    ),
    "the error rate of routes that do not need a service is below 1 % while it is gone, each in turn": below(
        Figure.COUPLING, "1 %", FAULT
    ),
}
