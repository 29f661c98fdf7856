"""nginx, Caddy and PostgreSQL with TLS, healthy and spoilt: exactly the right facts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.drivers.check.registry import CHECKS
from harness.targets import Target
from tests.foreign.tls_servers import HOST, Certificates, caddy, nginx, postgresql, target_of

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on PATH (Debian: nginx-light)")
OLD = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"
CLIENTS = """\
  client_certificates:
    right: {certificate: client.crt, key: client.key}
    expired: {certificate: client-ended.crt, key: client-ended.key}
    foreign: {certificate: client-foreign.crt, key: client-foreign.key}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with certificates."""
    Certificates(tmp_path).write()
    return tmp_path


def facts(target: Target, check: str, **params: str) -> Mapping[str, tuple[str, bool | None]]:
    """What a check finds at the listener `web`, by what its subject says behind the listener."""
    with CHECKS[check].placed(target, {"listeners": "web", **params}) as probe:
        return {one.subject.partition("): ")[2] or one.subject: (one.observed, one.ok) for one in probe()}


def outcomes(target: Target, check: str, **params: str) -> Mapping[str, bool | None]:
    """The outcomes alone."""
    return {subject: ok for subject, (_, ok) in facts(target, check, **params).items()}


def clients(**outcomes: bool | None) -> dict[str, bool | None]:
    """The outcome with each client certificate."""
    return {f"{case} client certificate": outcome for case, outcome in outcomes.items()}


def web(place: Path, port: int, more: str = "", clients: str = "") -> Target:
    """A target whose listener `web` is there."""
    return target_of(place, f"    web: {{address: '127.0.0.1:{port}', name: {HOST}{more}}}", clients)


@needs_nginx
def test_nginx_with_tls_1_3_alone_refuses_all_else(place: Path) -> None:
    """Its status 400 to plain HTTP is a refusal, its alerts are refusals."""
    with nginx(place) as (port, _):
        found = facts(web(place, port), "refuses-old-tls", least="1.3")
    assert found == {
        "plain text": ("plain HTTP was answered with status 400", True),
        "SSL 3.0": ("ended by the alert handshake_failure", True),
        "TLS 1.0": ("ended by the alert protocol_version", True),
        "TLS 1.1": ("ended by the alert protocol_version", True),
        "TLS 1.2": ("ended by the alert protocol_version", True),
    }


@needs_nginx
def test_nginx_with_old_versions_is_seen_to_take_each_by_itself(place: Path) -> None:
    """TLS 1.0 and 1.1 are offered although OpenSSL of this machine would not."""
    with nginx(place, settings=OLD) as (port, _):
        found = outcomes(web(place, port), "refuses-old-tls", least="1.3")
    assert found == {"plain text": True, "SSL 3.0": True, "TLS 1.0": False, "TLS 1.1": False, "TLS 1.2": False}


@needs_nginx
def test_a_plain_listener_answers_plain_text_and_no_handshake(place: Path) -> None:
    """The control fails: the handshakes are unknown, and plain text is not refused."""
    with nginx(place, more="server { listen 127.0.0.1:PORT; return 200 ok; }") as (_, plain):
        found = outcomes(web(place, plain), "refuses-old-tls", least="1.2")
    assert found == {"plain text": False, "any version": None, "SSL 3.0": None, "TLS 1.0": None, "TLS 1.1": None}


@needs_nginx
@pytest.mark.parametrize(
    ("certificate", "ok", "words"),
    [
        ("server", True, "valid for 89 more days"),
        ("ends-soon", False, "valid for 4 more days"),
        ("ended", False, "not valid: certificate has expired"),
        ("other-name", False, f"not valid: Hostname mismatch, certificate is not valid for '{HOST}'."),
        ("unknown-authority", False, "not valid: unable to get local issuer certificate"),
    ],
)
def test_a_certificate_is_judged_by_authority_name_and_days(
    place: Path, certificate: str, ok: object, words: str
) -> None:
    """Healthy, five days left, expired, of another name, of another authority of the same name."""
    with nginx(place, certificate=certificate) as (port, _):
        [(observed, judged)] = facts(web(place, port), "valid-certificate", days="30").values()
    assert (judged, observed.split(",")[0] if ok or "days" in words else observed) == (ok, words)


@needs_nginx
@pytest.mark.parametrize(
    ("verify", "settings", "refused"),
    [
        ("on", "ssl_protocols TLSv1.3;", True),
        ("on", "ssl_protocols TLSv1.2;", True),
        ("optional", "ssl_protocols TLSv1.3;", False),
        ("off", "ssl_protocols TLSv1.3;", False),
    ],
)
def test_nginx_with_a_client_authority(*, place: Path, verify: str, settings: str, refused: bool) -> None:
    """`on` requires a certificate, `optional` asks for one, `off` takes anybody; nginx answers a wrong certificate with status 400 even where it is optional."""
    asked = f"{settings} ssl_client_certificate {place}/ca.crt; ssl_verify_client {verify};"
    with nginx(place, settings=asked) as (port, _):
        found = outcomes(web(place, port, ", mutual: true", CLIENTS), "client-certificates")
    wrong = verify != "off"
    assert found == clients(right=True, no=refused, expired=wrong, foreign=wrong)


@pytest.mark.parametrize(
    ("mode", "versions", "refused"),
    [
        ("require_and_verify", "tls1.3 tls1.3", (True, True, True)),
        ("require_and_verify", "tls1.2 tls1.2", (True, True, True)),
        ("verify_if_given", "tls1.3 tls1.3", (False, True, True)),
        ("request", "tls1.3 tls1.3", (False, False, False)),
    ],
)
def test_caddy_with_a_client_authority(place: Path, mode: str, versions: str, refused: tuple[bool, bool, bool]) -> None:
    """Caddy ends the handshake; a refusal of TLS 1.3 is seen at the first read."""
    tls = f"  protocols {versions}\n  client_auth {{\n   mode {mode}\n   trust_pool file {place}/ca.crt\n  }}"
    with caddy(place, tls) as port:
        found = outcomes(web(place, port, ", mutual: true", CLIENTS), "client-certificates")
    assert found == clients(right=True, no=refused[0], expired=refused[1], foreign=refused[2])


def test_cases_without_a_certificate_are_named_and_a_foreign_one_is_made(place: Path) -> None:
    """Nobody but the authority can make an expired one; a foreign one has the names of the right one."""
    right = "  client_certificates: {right: {certificate: client.crt, key: client.key}}\n"
    tls = f"  client_auth {{\n   mode require_and_verify\n   trust_pool file {place}/ca.crt\n  }}"
    with caddy(place, tls) as port:
        found = facts(web(place, port, ", mutual: true", right), "client-certificates")
    assert found["expired client certificate"] == (
        "the case could not be made: the target file names no `tls.client_certificates.expired`",
        None,
    )
    assert found["foreign client certificate"][1] is True
    assert found["right client certificate"] == ("answered with status 200", True)


def test_a_listener_that_refuses_the_right_certificate_too_proves_nothing(place: Path) -> None:
    """Another authority is trusted: every case is refused, and only the control decides."""
    tls = f"  client_auth {{\n   mode require_and_verify\n   trust_pool file {place}/other-ca.crt\n  }}"
    with caddy(place, tls) as port:
        found = outcomes(web(place, port, ", mutual: true", CLIENTS), "client-certificates")
    assert found == clients(right=False, no=None, expired=None, foreign=False)


def test_a_listener_that_is_not_there_is_no_refusal(place: Path) -> None:
    """No fact is decided."""
    target = web(place, 9, ", mutual: true", CLIENTS)
    assert {*outcomes(target, "client-certificates").values()} == {None}
    assert {*outcomes(target, "refuses-old-tls", least="1.2").values()} == {None}
    assert {*outcomes(target, "valid-certificate", days="30").values()} == {None}
    assert {*outcomes(target, "hybrid-key-exchange").values()} == {None}


def test_caddy_offers_the_hybrid_key_exchange_and_can_be_told_not_to(place: Path) -> None:
    """X25519MLKEM768 is among its curves, unless they are named."""
    with caddy(place) as port:
        assert [*facts(web(place, port), "hybrid-key-exchange").values()] == [("X25519MLKEM768", True)]
    with caddy(place, "  curves x25519") as port:
        [(words, ok)] = facts(web(place, port), "hybrid-key-exchange").values()
    assert (words, ok) == ("none of them: ended by the alert handshake_failure", False)


@needs_nginx
def test_nginx_without_the_hybrid_key_exchange(place: Path) -> None:
    """OpenSSL 3.0 does not have it."""
    with nginx(place) as (port, _):
        assert [*outcomes(web(place, port), "hybrid-key-exchange").values()] == [False]


@needs_nginx
@pytest.mark.parametrize(
    ("more", "redirected"),
    [
        ("", True),
        ("server { listen 127.0.0.1:PORT; return 200 ok; }", False),
        ("server { listen 127.0.0.1:PORT; return 301 https://mall.localhost$request_uri; }", False),
        ("server { listen 127.0.0.1:PORT; return 503; }", None),
    ],
)
def test_plain_http_must_be_redirected(place: Path, more: str, redirected: object) -> None:
    """To HTTPS of the same host and path; an overloaded server proves nothing."""
    with nginx(place, more=more) as (port, plain):
        found = outcomes(web(place, port, f", plain: '127.0.0.1:{plain}'"), "redirects-to-https")
    judged = {subject.partition(" to ")[0].partition(" of ")[0]: ok for subject, ok in found.items()}
    assert judged["4 plain HTTP requests"] is redirected
    assert judged.get("the certificate", None if not redirected else False) is (True if redirected else None)


@needs_nginx
def test_the_redirect_leads_to_a_certificate_that_names_the_host(place: Path) -> None:
    """A redirect to a certificate of another name is no safe way in."""
    with nginx(place, certificate="other-name") as (port, plain):
        found = outcomes(web(place, port, f", plain: '127.0.0.1:{plain}'"), "redirects-to-https")
    assert [*found.values()] == [True, False]


@needs_nginx
def test_every_path_of_the_host_and_no_other_host(place: Path) -> None:
    """The header says who has answered; a server that answers every host does not have it by host."""
    own = "if ($host != shop.localhost) { return 404; }"
    with nginx(place, settings=f"ssl_protocols TLSv1.3; {own}") as (port, _):
        target = web(place, port, ", answered_by: x-served-by, paths: [/tracks/1]")
        right = outcomes(target, "answers-its-host", host=HOST, workload="web")
        wrong = outcomes(target, "answers-its-host", host=HOST, workload="gateway")
    with nginx(place) as (port, _):
        open_to_all = outcomes(
            web(place, port, ", answered_by: x-served-by"), "answers-its-host", host=HOST, workload="web"
        )
        unknown = outcomes(web(place, port), "answers-its-host", host=HOST, workload="web")
    paths = [f"{HOST}/", f"{HOST}/tracks/1", f"{HOST}/…"]
    assert right == {**dict.fromkeys(paths, True), "another host, path /": True}
    assert wrong == {**dict.fromkeys(paths, False), "another host, path /": True}
    assert open_to_all == {f"{HOST}/": True, f"{HOST}/…": True, "another host, path /": False}
    assert unknown == {f"{HOST}/": None, f"{HOST}/…": None, "another host, path /": False}


@needs_nginx
def test_a_firewall_refuses_every_pattern(place: Path) -> None:
    """A list of words in nginx is a firewall; without it everything is let in; one that refuses all requests proves nothing."""
    words = "union|select|%27|script|onerror|onload|javascript|drop|etc(/|%2F)passwd|win.ini|%2e%2e"
    firewall = (
        f'if ($request_uri ~* "{words}") {{ return 403; }} if ($http_referer ~* "{words}") {{ return 403; }} '
        f'if ($http_user_agent ~* "{words}") {{ return 403; }}'
    )
    found = {}
    for name, settings in (("on", firewall), ("off", ""), ("shut", "return 403;")):
        with nginx(place, settings=f"ssl_protocols TLSv1.3; {settings}") as (port, _):
            found[name] = {*outcomes(web(place, port), "refuses-attacks").values()}
    assert found == {"on": {True}, "off": {False}, "shut": {None}}


@pytest.mark.parametrize(
    ("settings", "access", "found"),
    [
        (
            {"ssl": "on", "ssl_min_protocol_version": "TLSv1.3"},
            "hostssl all all all scram-sha-256",
            {"plain text": True, "SSL 3.0": True, "TLS 1.0": True, "TLS 1.1": True, "TLS 1.2": True},
        ),
        (
            {"ssl": "on", "ssl_min_protocol_version": "TLSv1.2"},
            "host all all all scram-sha-256",
            {"plain text": False, "SSL 3.0": True, "TLS 1.0": True, "TLS 1.1": True, "TLS 1.2": False},
        ),
        (
            {"ssl": "off"},
            "host all all all scram-sha-256",
            {
                "plain text": False,
                "any version": None,
                **dict.fromkeys(["SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2"]),
            },
        ),
    ],
)
def test_postgresql(place: Path, settings: dict[str, str], access: str, found: Mapping[str, bool | None]) -> None:
    """TLS 1.3 and hostssl alone; TLS 1.2 and plain connections too; no TLS."""
    own = {"ssl_cert_file": "server.crt", "ssl_key_file": "server.key"} if settings["ssl"] == "on" else {}
    with postgresql(place, settings | own, access) as port:
        target = web(place, port, ", protocol: postgresql")
        assert outcomes(target, "refuses-old-tls", least="1.3") == found
        if own:
            assert [*outcomes(target, "valid-certificate", days="30").values()] == [True]


def test_a_user_that_postgresql_refuses_with_tls_too_proves_nothing(place: Path) -> None:
    """Whether others may connect in plain text is not known."""
    settings = {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
    with postgresql(place, settings, "host all shop all scram-sha-256") as port:
        nobody = facts(web(place, port, ", protocol: postgresql"), "refuses-old-tls", least="1.0")["plain text"]
        shop = outcomes(web(place, port, ", protocol: postgresql, user: shop"), "refuses-old-tls", least="1.0")
    assert nobody == (
        "user postgres of database postgres was refused with SQLSTATE 28000, and with TLS too: name a `user` and `database` that connect with TLS",
        None,
    )
    assert shop["plain text"] is False


@pytest.mark.parametrize(("option", "none"), [("clientcert=verify-ca", True), ("", False)])
def test_postgresql_with_client_certificates(*, place: Path, option: str, none: bool) -> None:
    """Without the option of pg_hba.conf a client certificate is checked where there is one, and not required."""
    settings = {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key", "ssl_ca_file": "ca.crt"}
    with postgresql(place, settings, f"hostssl all all all scram-sha-256 {option}") as port:
        found = outcomes(web(place, port, ", protocol: postgresql, mutual: true", CLIENTS), "client-certificates")
    assert found == clients(right=True, no=none, expired=True, foreign=True)


def test_a_right_certificate_of_a_user_that_may_not_connect_decides_nothing(place: Path) -> None:
    """PostgreSQL refuses the user, and says so with the same SQLSTATE as of a certificate."""
    settings = {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key", "ssl_ca_file": "ca.crt"}
    with postgresql(place, settings, "hostssl all shop all scram-sha-256 clientcert=verify-ca") as port:
        found = facts(web(place, port, ", protocol: postgresql, mutual: true", CLIENTS), "client-certificates")
    words, ok = found["right client certificate"]
    assert (ok, words.partition("; ")[0]) == (None, "refused with SQLSTATE 28000")
    assert found["no client certificate"][1] is None


@needs_nginx
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on PATH")
@pytest.mark.parametrize("settings", ["ssl_protocols TLSv1.3;", "ssl_protocols TLSv1.2 TLSv1.3;", OLD])
def test_the_versions_are_those_that_openssl_s_client_gets(place: Path, settings: str) -> None:
    """Each version by itself, against `openssl s_client` with everything allowed."""
    words = {"TLS 1.0": "-tls1", "TLS 1.1": "-tls1_1", "TLS 1.2": "-tls1_2"}
    with nginx(place, settings=settings) as (port, _):
        ours = outcomes(web(place, port), "refuses-old-tls", least="1.3")
        theirs = {
            name: subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", word, "-cipher", "ALL:@SECLEVEL=0"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            ).returncode
            != 0
            for name, word in words.items()
        }
    assert {name: ours[name] for name in words} == theirs
