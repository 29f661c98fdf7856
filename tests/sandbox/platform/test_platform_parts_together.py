"""The parts that were built each by itself, deployed together: what is applied fits, and the target file says one thing of it."""

from __future__ import annotations

import base64
import itertools
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import yaml

from harness.drivers.check.stored.columns import columns_in
from harness.targets import Target, load_target
from harness.targets.files.reference import Reference
from readiness_sandbox.platform import certificates, parts
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.describe import MEMBERS, SHARES, Addresses, describe
from readiness_sandbox.platform.normaldance.api.document import document
from readiness_sandbox.platform.normaldance.defects import Defects
from readiness_sandbox.platform.normaldance.gateway import application
from readiness_sandbox.platform.normaldance.kit.settings import PodSettings
from readiness_sandbox.platform.render import WORKLOADS, Object, render
from readiness_sandbox.releases import Release
from readiness_sandbox.target import ENTRY, entry_url, reached
from tests.sandbox.platform.conftest import Services, founded
from tests.sandbox.platform.identity.conftest import until

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres

NEW: Final = ("api-description", "audit", "encryption-at-rest", "identity", "names", "secrets", "tls")
OTHERS: Final = ("frontend", "monitor", "rollout")
SECURITY: Final = ("identity", "api-description", "tls", "secrets", "encryption-at-rest", "audit", "rollout", "monitor")
TOGETHER: Final = [*itertools.combinations((*NEW, *OTHERS), 2), ("backup", "cache"), SECURITY, (*NEW, *OTHERS)]
RELEASE: Final = Release(version="1.0.0", summary="", expect="GO")
DATABASE, AUTH, USER, TRACK, GATEWAY = (f"127.93.38.{n}" for n in range(40, 45))
CREDENTIALS: Final = Credentials.generate(f"https://{GATEWAY}:8443")


@cache
def applied(deployed: tuple[str, ...]) -> list[Object]:
    """The objects of a platform with these parts, with the Secrets of certificates."""
    objects = render(RELEASE, CREDENTIALS, deployed)
    return objects + certificates.IssuedCertificates().secrets(objects, lambda _namespace, _name: "127.0.0.1")


def placed(obj: Object) -> tuple[str, str]:
    """Namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def of_kind(objects: list[Object], *kinds: str) -> dict[tuple[str, str], Object]:
    """The objects of these kinds by namespace and name."""
    return {placed(obj): obj for obj in objects if obj["kind"] in kinds}


def described(deployed: tuple[str, ...], root: Path) -> dict[str, Any]:
    """The content of the target file; a Service or a pod that is named and not applied raises KeyError."""
    objects = applied(deployed)
    services, sets = of_kind(objects, "Service"), of_kind(objects, "StatefulSet")

    def url(namespace: str, name: str) -> str:
        service, _, port = name.partition(":")
        head, _, number = service.rpartition("-")
        if number.isdigit() and (namespace, head) in sets:
            return f"http://{head}:5353"
        ports = [one for one in services[namespace, service]["spec"]["ports"] if port in ("", one.get("name"))]
        return reached(ports, "127.0.0.1")

    addresses = Addresses(
        entry=url(*ENTRY),
        regions={region: url(region, "api-gateway") for region in SHARES},
        members=dict.fromkeys(MEMBERS, "127.0.0.3"),
    )
    content = describe(
        addresses, release="1.0.0", kubeconfig=root / "kubeconfig", secrets=root / "secrets", flows=root / "flows.log"
    )
    return parts.described(content, deployed, url)


def loaded(deployed: tuple[str, ...], root: Path) -> Target:
    """The target file, as the harness reads it."""
    file = root / "target.yaml"
    file.write_text(yaml.safe_dump(described(deployed, root)), encoding="utf-8")
    return load_target(file)


def lists_in(value: Any, at: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Every list of a document with its place."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from lists_in(one, f"{at}.{key}")
    elif isinstance(value, list):
        yield at, value


def test_a_target_file_of_parts_together_is_read(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Each Service that a part names is there, whatever else is deployed, and no list says a thing twice."""
    for deployed in TOGETHER:
        with subtests.test("+".join(deployed)):
            target = loaded(deployed, tmp_path)
            assert {*deployed} <= {*target.parts}
            content = yaml.safe_load((tmp_path / "target.yaml").read_text(encoding="utf-8"))
            twice = [at for at, each in lists_in(content) if len(each) != len({str(one) for one in each})]
            assert {*twice} <= {".export.plant"}  # two tracks alike on purpose


def test_who_connects_to_whom_is_a_workload(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Both ends of each declared way run, or are Jobs and visitors of a part."""
    for deployed in TOGETHER:
        with subtests.test("+".join(deployed)):
            content, objects = described(deployed, tmp_path), applied(deployed)
            pods = [one["spec"]["template"] for one in of_kind(objects, *WORKLOADS, "Rollout").values()]
            running = {pod["metadata"]["labels"]["app"] for pod in pods}
            ways = content["flows"]["dependencies"]
            ends = {*ways, *itertools.chain(*ways.values()), *content["flows"]["data_access"]}
            assert ends - running <= {"migrate", "normaldance-frontend", "page-visitor"}
            assert "normaldance-frontend" in running or "frontend" not in parts.with_needs(deployed)


def test_every_service_of_a_region_has_a_read_or_is_a_page_or_an_entry(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Whatever is deployed, nothing in the namespaces of the regions is unknown to the sentence on every service."""
    for deployed in TOGETHER:
        with subtests.test("+".join(deployed)):
            target, services = loaded(deployed, tmp_path), of_kind(applied(deployed), "Service")
            selected = {
                (namespace, one["spec"]["selector"]["app"]): name
                for (namespace, name), one in services.items()
                if namespace in SHARES and one["spec"].get("selector")
            }
            pages = {"normaldance-frontend"} if target.website else set()
            assert {app for _, app in selected} - {*target.probes.services} <= pages
            assert {app for _, app in selected} >= {"api-gateway", "user-service", "track-service"}
            assert target.probes.internal == ()


def test_every_service_behind_the_entry_is_scaled_where_autoscalers_are(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Else the sentences on every service could not be decided."""
    for deployed in TOGETHER:
        with subtests.test("+".join(deployed)):
            autoscalers = of_kind(applied(deployed), "HorizontalPodAutoscaler").values()
            scaled = {one["spec"]["scaleTargetRef"]["name"] for one in autoscalers}
            if "autoscaler" in parts.with_needs(deployed):
                assert {*loaded(deployed, tmp_path).probes.services} <= scaled
            else:
                assert not scaled


def test_what_pods_refer_to_is_there(subtests: pytest.Subtests) -> None:
    """Each Secret of a volume or a variable is applied, and no container has a variable or a port name twice."""
    for deployed in TOGETHER:
        with subtests.test("+".join(deployed)):
            objects = applied(deployed)
            external = of_kind(objects, "ExternalSecret")
            secrets = {*of_kind(objects, "Secret")}
            secrets |= {(place[0], one["spec"]["target"]["name"]) for place, one in external.items()}
            for (namespace, name), obj in of_kind(objects, *WORKLOADS, "Rollout").items():
                pod = obj["spec"]["template"]["spec"]
                named = {one["secret"]["secretName"] for one in pod.get("volumes", ()) if "secret" in one}
                for container in pod["containers"]:
                    env, ports = container.get("env", []), container.get("ports", [])
                    keys = (one.get("valueFrom", {}).get("secretKeyRef") for one in env)
                    named |= {key["name"] for key in keys if key is not None}
                    assert len({one["name"] for one in env}) == len(env), name
                    assert len({one["name"] for one in ports}) == len(ports), name
                    mounts = [one["mountPath"] for one in container.get("volumeMounts", ())]
                    assert len({*mounts}) == len(mounts), name
                assert {(namespace, one) for one in named} <= secrets, name


def test_a_call_that_is_allowed_meets_the_port_that_is_served(subtests: pytest.Subtests) -> None:
    """Each port of a Service of the backend is one that the policies let its callers reach."""
    for deployed in TOGETHER:
        with subtests.test("+".join(deployed)):
            policies, services = (of_kind(applied(deployed), kind) for kind in ("NetworkPolicy", "Service"))
            for (namespace, name), service in services.items():
                if name not in {"api-gateway", "user-service", "track-service", "auth-service"}:
                    continue
                reached_at = {port["targetPort"] for port in service["spec"]["ports"]}
                rules = policies[namespace, "auth-allow" if name == "auth-service" else "api-allow"]["spec"]["ingress"]
                assert reached_at == {port["port"] for port in rules[0]["ports"]}, (namespace, name)


def test_the_issuer_is_the_entry_that_the_target_file_names(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Tokens have it, pages are of its origin, and the harness discovers the provider there."""
    http, https = "http://127.0.0.1:8080", "https://127.0.0.1:8443"
    deployments: dict[tuple[str, ...], str] = {("identity",): http, ("identity", "tls"): https, (): http}
    for deployed, url in deployments.items():
        with subtests.test("+".join(deployed)):
            assert entry_url("127.0.0.1", deployed) == url
            content = described(deployed, tmp_path)
            assert content["entry"] == url
            if deployed:
                assert (content["identity"]["issuer"], content["identity"]["origin"]) == (url, url)


@pytest.mark.parametrize("deployed", [("api-description", "identity"), SECURITY])
def test_a_body_of_the_target_file_is_of_an_operation_that_is_there(
    deployed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts come with `encryption-at-rest` alone, and so does the body of one: a run of a few rows deploys the parts that they need."""
    (pod,) = (
        obj["spec"]["template"]["spec"]
        for (namespace, name), obj in of_kind(applied(deployed), *WORKLOADS, "Rollout").items()
        if (namespace, name) == ("us-east-1", "api-gateway")
    )
    for variable in pod["containers"][0]["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "of a Secret"))
    monkeypatch.setenv("CLIENT_SECRET", "")
    settings = PodSettings(service="api-gateway", region="us-east-1", pod="g", address="", port=0, release="1.0.0")
    app = application(settings, {}, Defects.from_env())
    paths = document(app, service="api-gateway", release="1.0.0")["paths"]
    served = {f"{method.upper()} {path}" for path, each in paths.items() for method in each}
    bodies = {*described(deployed, tmp_path)["api"]["bodies"]}
    assert bodies <= served
    assert ("POST /contacts" in bodies) == ("encryption-at-rest" in deployed)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The database of a platform with `identity`, `audit` and `encryption-at-rest`."""
    passwords = {"normaldance": "n", "readiness": "r", "identity": "i"}
    env = {"AUDIT": "on", "ENCRYPTION_KEY": CREDENTIALS.master_key}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("together")
        with founded(home, DATABASE, passwords, CREDENTIALS.identity.seed()) as server:
            yield server


def test_every_column_of_the_parts_together_has_a_class(database: Postgres, tmp_path: Path) -> None:
    """Each part names those of its tables, and none that is not there but those of migrations."""
    target = loaded(("identity", "audit", "encryption-at-rest", "rollout"), tmp_path)
    assert target.encryption is not None
    assert not isinstance(target.encryption.columns, str)
    dsn = tmp_path / "dsn"
    dsn.write_text(f"{database.conninfo} dbname=normaldance")
    there = {(one.of, one.name) for one in columns_in(Reference(file=str(dsn)))}
    named = {(table, column) for table, each in target.encryption.columns.items() for column in each}
    assert there - named == set()
    assert {table for table, column in named - there if column != "performer"} == {
        "_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock",
    }  # fmt: skip


def test_no_personal_column_is_in_clear(database: Postgres, tmp_path: Path) -> None:
    """From the first row on, those of profiles as those of contacts."""
    target = loaded(("identity", "encryption-at-rest"), tmp_path)
    assert target.encryption is not None
    assert not isinstance(target.encryption.columns, str)
    personal = [
        (table, column)
        for table, each in target.encryption.columns.items()
        for column, kind in each.items()
        if kind == "personal"
    ]
    assert ("profiles", "email") in personal
    for table, column in personal:
        values = [str(one) for (one,) in database.rows(f"SELECT {column} FROM {table}")]  # noqa: S608 - of the part
        assert values
        assert all(one.startswith("enc:v1:AES-256-GCM:data-1:") for one in values), (table, column)


@pytest.fixture(scope="module")
def secured(database: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Services]]:
    """The services of a region with TLS, an identity provider, an audit log and encrypted columns, each a process; a client of the gateway."""
    assert database.answers()
    home = tmp_path_factory.mktemp("secured")
    objects = render(RELEASE, CREDENTIALS, SECURITY)
    places = {"auth-service": AUTH, "user-service": USER, "track-service": TRACK, "api-gateway": GATEWAY}
    issued = certificates.IssuedCertificates().secrets(objects, lambda _, name: places.get(name, GATEWAY))
    for (namespace, name), one in of_kind(issued, "Secret").items():
        if namespace == "us-east-1":
            (home / name).mkdir()
            for file, text in one["data"].items():
                (home / name / file).write_bytes(base64.b64decode(text))
    region, identity = CREDENTIALS.identity.of_region(), CREDENTIALS.identity
    shared = {"ISSUER": identity.issuer, "AUDIT": "on", "API_DESCRIPTION": "served", "DATABASE_SERVICE_HOST": DATABASE}
    for name, place in places.items():
        variable = name.upper().replace("-", "_")
        shared |= {f"{variable}_SERVICE_HOST": place, f"{variable}_SERVICE_PORT": "8443"}
    own = {
        "auth-service": {"SIGNING_KEYS": region["signing-keys"], "PGUSER": "identity", "ENCRYPTION_KEY": CREDENTIALS.master_key},
        "user-service": {"CLIENT_SECRET": region["client-secret"], "ENCRYPTION_KEY": CREDENTIALS.master_key},
        "track-service": {},
        "api-gateway": {"CONTACTS": "yes", "FIREWALL": "on", "LIMITS": "report-plays=10"},
    }  # fmt: skip
    with ExitStack() as stack:
        services = Services(home, stack)
        for name, place in places.items():
            module = name.removesuffix("-service").removeprefix("api-")
            services.start(module, place, **shared, **own[name], TLS_DIR=str(home / f"{name}-tls"))
        authority = ssl.create_default_context(cafile=home / "api-gateway-tls" / "ca.crt")
        client = httpx.Client(base_url=identity.issuer, verify=authority, trust_env=False, timeout=30)
        with client:
            headers = header(client, "viewer-1")
            until(lambda: client.get("/tracks", headers=headers).status_code == 200)
            yield client, services


def header(client: httpx.Client, user: str) -> dict[str, str]:
    """The token of a test user."""
    form = {"grant_type": "password", "username": user, "password": CREDENTIALS.identity.passwords[user]}
    basic = ("normaldance-web", CREDENTIALS.identity.clients["normaldance-web"])
    answer = client.post("/oauth/token", data=form, auth=basic)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_provider_is_reached_with_tls_alone(secured: tuple[httpx.Client, Services]) -> None:
    """Its issuer is the HTTPS address, services check tokens by it, and pages of another origin may not sign in."""
    client, _ = secured
    found = client.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == CREDENTIALS.identity.issuer
    assert all(str(one).startswith("https://") for key, one in found.items() if key.endswith(("_endpoint", "_uri")))
    body = {"user": "viewer-2", "password": CREDENTIALS.identity.passwords["viewer-2"]}
    own, other = (
        client.post("/login", json=body, headers={"origin": one})
        for one in (CREDENTIALS.identity.issuer, CREDENTIALS.identity.issuer.replace("https", "http"))
    )
    client.cookies.clear()
    assert (own.status_code, other.status_code) == (200, 403)
    assert all("secure" in one.lower() for one in own.headers.get_list("set-cookie"))
    assert httpx.get(f"http://{AUTH}:8080/internal/standing", trust_env=False).status_code == 421


def test_an_address_of_a_profile_is_sealed_and_read_again(
    secured: tuple[httpx.Client, Services], database: Postgres
) -> None:
    """At sign-up and at each change; its user, and the export of a person, have it as it was said."""
    client, _ = secured
    new = {"user": "test-sealed", "password": "correct horse battery staple", "email": "first@example.test"}
    assert client.post("/users", json=new).status_code == 201
    admin = header(client, "admin-1")

    def kept() -> str:
        ((email,),) = database.rows("SELECT email FROM profiles WHERE name = 'test-sealed'")
        return str(email)

    assert kept().startswith("enc:v1:")
    assert client.get("/users/test-sealed/settings", headers=admin).json()["email"] == "first@example.test"
    changed = client.patch("/users/test-sealed", json={"email": "second@example.test"}, headers=admin)
    assert changed.json()["email"] == "second@example.test"
    assert kept().startswith("enc:v1:")
    exported = client.get("/users/test-sealed/export", headers=admin).json()
    assert exported["profile"]["email"] == "second@example.test"
    assert (
        client.patch("/users/test-sealed", json={"display": "x"}, headers=admin).json()["email"]
        == "second@example.test"
    )


def test_a_contact_is_for_whoever_added_it(secured: tuple[httpx.Client, Services], database: Postgres) -> None:
    """Nobody without a token, and no other user, reads, replaces or removes it; its changes are in the audit log."""
    client, _ = secured
    one, other = header(client, "editor-1"), header(client, "editor-2")
    contact = {"name": "test-kept", "email": "a@example.test", "phone": "+1 555 0100"}
    statuses = [
        client.post("/contacts", json=contact, headers=headers).status_code for headers in ({}, one, other, one)
    ]
    assert statuses == [401, 201, 403, 201]
    assert [client.get("/contacts/test-kept", headers=each).status_code for each in ({}, other, one)] == [401, 403, 200]
    assert client.get("/contacts/editor-1", headers=one).json()["email"] == "editor-1@example.test"
    removed = [client.delete("/contacts/test-kept", headers=each).status_code for each in ({}, other, one, one)]
    assert removed == [401, 403, 200, 404]
    noted = {what for (what,) in database.rows("SELECT what FROM audit WHERE who = 'editor-1'")}
    assert {"write-contact", "remove-contact"} <= noted


def test_everything_that_users_meet_is_described(secured: tuple[httpx.Client, Services]) -> None:
    """With all parts: contacts and the export too, each with what it needs; what is not is for services among themselves."""
    client, services = secured
    document = client.get("/openapi.json").json()
    for path, method, scope in (
        ("/contacts", "post", "WRITE"),
        ("/contacts/{name}", "get", "READ"),
        ("/contacts/{name}", "delete", "WRITE"),
        ("/users/{name}/export", "get", "READ"),
    ):
        assert {"token": [scope]} in document["paths"][path][method]["security"]
    assert "served and not described" not in services.log("gateway", GATEWAY)
    for module, place in (("auth", AUTH), ("user", USER), ("track", TRACK)):
        missing = [line for line in services.log(module, place).splitlines() if "served and not described" in line]
        assert all(" /internal/" in line for line in missing), missing
