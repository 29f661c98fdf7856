"""Whose connection a request goes on, what a user keeps, and what is a failure: against a real server."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socket import create_server

import gevent
import pytest
from geventhttpclient.response import HTTPParseError
from load_bench import certified, until
from load_truth import Reply, Seen, TruthServer, truth_server

from harness import clock
from harness.locust.client.connection import Connections, Origin
from harness.locust.client.failures import kind_of
from harness.locust.client.response import Response
from harness.locust.client.session import BadRedirect, HttpSession
from harness.targets import load_target
from harness.targets.http import tls_context, tls_variables
from harness.units import NS_PER_S
from tests.builders.http_servers import Quiet, serving

NEVER = 10**9


@pytest.fixture
def kept() -> Iterator[Connections]:
    """Connections that are kept for 15 s, and never new without need."""
    connections = Connections(idle_s=15.0, fresh_in=NEVER)
    yield connections
    connections.close()


@contextmanager
def user(url: str, connections: Connections) -> Iterator[HttpSession]:
    """Somebody who leaves at the end of the `with`."""
    session = HttpSession(url, connections)
    try:
        yield session
    finally:
        session.leave()


def visit(server: TruthServer, connections: Connections, *paths: str) -> list[Response]:
    """One journey: these paths, and gone."""
    with user(server.url, connections) as session:
        return [get(session, path) for path in paths]


def visit_url(url: str, connections: Connections) -> Response:
    """One request, and gone."""
    with user(url, connections) as session:
        return get(session, "/")


def get(session: HttpSession, path: str, method: str = "GET", headers: str = "", *, follow: bool = True) -> Response:
    """One request."""
    return session.request(method, path, headers, b"", follow=follow)


def by_path(**replies: Reply) -> Callable[[Seen], Reply]:
    """What the server does at `/name`; elsewhere it answers."""
    return lambda seen: replies.get(seen.path.strip("/"), Reply())


def test_one_journey_in_ten_has_a_new_connection(server: TruthServer) -> None:
    """Of thirty journeys three, however many are kept; and of every one where nothing is kept."""
    for connections in (Connections(idle_s=15.0, fresh_in=10), Connections(idle_s=0.0, fresh_in=NEVER)):
        before = len({seen.connection for seen in server.seen})
        for _ in range(30):
            visit(server, connections, "/a")
        made = len({seen.connection for seen in server.seen}) - before
        assert made == (4 if before == 0 else 30)
        connections.close()


def test_no_two_users_share_a_connection(server: TruthServer, kept: Connections) -> None:
    """Twenty at once need twenty, and a user who thinks keeps theirs from all others."""
    server.behave = by_path(slow=Reply(after_s=0.3))
    with user(server.url, kept) as thinking:
        get(thinking, "/mine")
        gevent.joinall([gevent.spawn(visit, server, kept, "/slow", "/slow") for _ in range(20)], raise_error=True)
        get(thinking, "/mine")
    mine = {seen.connection for seen in server.seen if seen.path == "/mine"}
    others = {seen.connection for seen in server.seen if seen.path == "/slow"}
    assert (len(mine), len(others)) == (1, 20)
    assert not mine & others


def test_a_connection_that_was_idle_too_long_is_not_lent(server: TruthServer) -> None:
    """Servers close such ones, perhaps just when a request is on its way."""
    with closing(Connections(idle_s=0.05, fresh_in=NEVER)) as connections:
        visit(server, connections, "/a")
        left = clock.now_ns()
        until(lambda: clock.now_ns() - left > 0.1 * NS_PER_S)
        visit(server, connections, "/a")
    assert [seen.connection for seen in server.seen] == [1, 2]


def test_a_connection_whose_journey_thought_too_long_is_not_lent(server: TruthServer, kept: Connections) -> None:
    """Neither one that was given back late, nor one that became too old behind another."""
    origin = Origin.of(server.url)
    late, young, old = (kept.borrow(origin) for _ in range(3))
    for connection in (late, young, old):
        connection.exchange(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", Response("GET"))
    late.idle_since_ns -= 20 * NS_PER_S
    for connection in (late, young, old):
        kept.give_back(connection)
    assert not late.sound
    old.idle_since_ns -= 20 * NS_PER_S
    lent = kept.borrow(origin)
    assert lent is young
    lent.close()


@pytest.mark.parametrize("headers", [{}, {"connection": "close"}], ids=["said nothing", "said so"])
def test_a_connection_that_the_server_closed_is_not_lent(
    server: TruthServer, kept: Connections, headers: dict[str, str]
) -> None:
    """The next journey, and the same one's next request, come on a new connection, and nothing fails or is sent twice."""
    server.behave = by_path(last=Reply(how="leave", headers=headers))
    with user(server.url, kept) as session:
        for path, closed in (("/last", 1), ("/last", 2), ("/a", 2)):
            assert get(session, path).status_code == 200
            until(lambda closed=closed: server.closed == closed)  # type: ignore[misc]
    visit(server, kept, "/a")
    assert [(seen.path, seen.connection) for seen in server.seen] == [("/last", 1), ("/last", 2), ("/a", 3), ("/a", 3)]


@pytest.mark.parametrize("kept_before", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize(
    ("how", "status"), [("reset", 0), ("close", 0), ("cut", 200)], ids=["reset", "no answer", "half an answer"]
)
def test_a_connection_that_breaks_is_one_failure(
    server: TruthServer, kept: Connections, how: str, status: int, *, kept_before: bool
) -> None:
    """On a new connection or a kept one: `reset`, sent once, and the connection is nobody's any more."""
    server.behave = by_path(broken=Reply(how=how))
    if kept_before:
        visit(server, kept, "/before")
    with user(server.url, kept) as session:
        with pytest.raises(ConnectionError) as raised:
            get(session, "/broken")
        assert kind_of(raised.value) == "reset"
        assert session.response is not None
        assert session.response.status_code == status
        get(session, "/after")
    visit(server, kept, "/last")
    first = [1] if kept_before else []
    assert [seen.connection for seen in server.seen] == [*first, 1, 2, 2]


def test_a_connection_whose_answer_was_given_up_is_not_lent(server: TruthServer, kept: Connections) -> None:
    """The answer that comes late must not be taken for the next one's."""
    server.behave = by_path(late=Reply(after_s=5.0, body=b'"late"'))
    with user(server.url, kept) as session, gevent.Timeout(0.05, False):  # noqa: FBT003  # gevent's way to be silent
        get(session, "/late")
    (answer,) = visit(server, kept, "/next")
    assert (answer.content, [seen.connection for seen in server.seen]) == (b"{}", [1, 2])


def test_cookies_are_kept_by_a_user_and_not_by_the_connection(server: TruthServer, kept: Connections) -> None:
    """The second request of a journey sends them, the next journey on the same connection none."""
    server.behave = by_path(sign=Reply(headers={"set-cookie": "session=abc; Path=/"}))
    visit(server, kept, "/sign", "/a")
    visit(server, kept, "/a")
    assert [seen.headers.get("cookie") for seen in server.seen] == [None, "session=abc", None]
    assert {seen.connection for seen in server.seen} == {1}


def test_redirects_are_followed_to_their_end(server: TruthServer, kept: Connections) -> None:
    """303 makes a GET of a POST, 307 does not; a status that the journey waits for is not followed."""
    server.behave = by_path(
        post=Reply(status=303, headers={"location": "/got"}),
        again=Reply(status=307, headers={"location": f"{server.url}/post"}),
    )
    with user(server.url, kept) as session:
        assert get(session, "/again", "POST").status_code == 200
        assert get(session, "/again", "POST", follow=False).status_code == 307
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("POST", "/again"), ("POST", "/post"), ("GET", "/got"), ("POST", "/again")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "location", ["/circle", "ftp://127.0.0.1/", "http://", "http://[half", "http://127.0.0.1:99999/"]
)
def test_a_redirect_that_leads_nowhere_is_a_failure(server: TruthServer, kept: Connections, location: str) -> None:
    """In a circle, or not to HTTP."""
    server.behave = by_path(circle=Reply(status=302, headers={"location": location}))
    with pytest.raises(BadRedirect) as raised:
        visit(server, kept, "/circle")
    assert kind_of(raised.value) == "bad redirect"


def test_a_secret_is_not_taken_to_another_host(server: TruthServer, kept: Connections) -> None:
    """Which of a journey's headers is one is not known: of its own none is sent there but the type of the body."""
    own = {
        "authorization": "Bearer t",
        "Proxy-Authorization": "Basic u",
        "cookie": "session=abc",
        "X-Api-Key": "k",
        "content-type": "application/json",
    }
    with truth_server("127.86.9.2") as other:
        server.behave = by_path(away=Reply(status=307, headers={"location": f"{other.url}/there"}))
        with user(server.url, kept) as session:
            get(session, "/away", "POST", headers="".join(f"{name}: {value}\r\n" for name, value in own.items()))
        sent, there = server.seen[0].headers, other.seen[0].headers
        assert {name: sent[name.lower()] for name in own} == own
        assert {name.lower() for name in own} & {*there} == {"content-type"}


def test_a_redirect_to_the_same_host_keeps_user_sign_in_and_connection(server: TruthServer, kept: Connections) -> None:
    """Whether it is relative or not, and though it does not name the user of the address."""
    server.behave = by_path(
        a=Reply(status=302, headers={"location": "/b"}), b=Reply(status=302, headers={"location": f"{server.url}/c"})
    )
    with user(server.url.replace("http://", "http://u:p@"), kept) as session:
        get(session, "/a", headers="X-Api-Key: k\r\n")
    found = [
        (seen.path, seen.connection, seen.headers.get("authorization"), seen.headers.get("x-api-key"))
        for seen in server.seen
    ]
    assert found == [(path, 1, "Basic dTpw", "k") for path in ("/a", "/b", "/c")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop.example.test", "https://shop.example.test:443/orders"),
        ("http://shop.example.test:80", "HTTP://Shop.Example.Test/"),
        ("http://[::1]", "http://[::1]:80"),
    ],
)
def test_an_address_with_and_without_its_usual_port_is_one(one: str, other: str) -> None:
    """A relative redirect leads to where it came from."""
    assert Origin.of(one) is Origin.of(other)
    assert Origin.of(one) is not Origin.of(one.replace("://", "://u:p@"))


def test_a_header_that_would_be_two_is_refused(server: TruthServer, kept: Connections) -> None:
    """A line break in a token is a mistake of the journey file; nothing is sent."""
    session = HttpSession(server.url, kept)
    with pytest.raises(ValueError, match="invalid headers"):
        get(session, "/", headers="Authorization: Bearer a\r\n\r\nGET /admin\r\n")
    assert server.seen == []


def test_a_path_is_quoted_where_it_must_be(server: TruthServer, kept: Connections) -> None:
    """Spaces and umlauts; what is quoted stays. A host may be below a path and have a password: `http://name:secret@host/below`."""
    visit(server, kept, "/tracks/ä b?q=%20&x=1", "/plain?q=%20")
    with user(server.url.replace("http://", "http://u:p%40@") + "/below/", kept) as session:
        get(session, "/a")
    assert [seen.path for seen in server.seen] == ["/tracks/%C3%A4%20b?q=%20&x=1", "/plain?q=%20", "/below/a"]
    assert server.seen[2].headers["authorization"] == "Basic dTpwQA=="


def test_nobody_listening_is_refused(kept: Connections) -> None:
    """And that is its kind."""
    with pytest.raises(ConnectionRefusedError) as raised:
        visit_url("http://127.86.9.3:9", kept)
    assert kind_of(raised.value) == "refused"


def test_a_certificate_of_nobody_is_a_failure_of_tls(tmp_path: Path, kept: Connections) -> None:
    """Self-signed: no request goes out."""
    context, got = certified(tmp_path, "127.86.9.4"), list[str]()
    context.verify_mode = ssl.CERT_NONE

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.path)

    with serving(Handler, "127.86.9.4", context) as url, pytest.raises(ssl.SSLError) as raised:
        visit_url(url, kept)
    assert (kind_of(raised.value), got) == ("tls", [])


def test_a_process_of_the_load_trusts_the_target_and_shows_its_certificate(tmp_path: Path) -> None:
    """By the variables that a run gives it; the paths are relative to the target file, wherever the run was started."""
    context = certified(tmp_path, "127.86.9.5")
    (tmp_path / "target.yaml").write_text(
        "name: a\nenvironment: staging\nentry: https://127.86.9.5\n"
        "tls: {ca_file: ca.pem, client_cert: ca.pem, client_key: key.pem}\n"
    )
    target = load_target(tmp_path / "target.yaml")
    assert tls_context(target).cert_store_stats()["x509_ca"] == 1
    with create_server(("127.86.9.5", 0)) as listening:
        listening.settimeout(30)
        code = (
            "import socket, sys; from harness.locust.client.wire import connected; "
            f"connected('127.86.9.5', {listening.getsockname()[1]}, socket.AF_INET, secure=True).send(b'hello')"
        )
        variables = {**os.environ, **tls_variables(target)}
        with subprocess.Popen([sys.executable, "-c", code], env=variables, cwd="/") as child:
            raw, _ = listening.accept()
            with context.wrap_socket(raw, server_side=True) as secure:
                assert secure.recv(100) == b"hello"
            assert child.wait(30) == 0


def test_what_is_not_http_is_its_own_failure(kept: Connections) -> None:
    """A mail server, say."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"220 mail.example.com ESMTP\r\n")

    with create_server(("127.86.9.5", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(HTTPParseError) as raised:
            visit_url(f"http://127.86.9.5:{listening.getsockname()[1]}", kept)
        thread.join(timeout=10)
    assert kind_of(raised.value) == "not HTTP"


def test_a_journey_takes_over_the_connection_of_one_that_left(server: TruthServer, kept: Connections) -> None:
    """Five journeys one after the other need one connection."""
    for _ in range(5):
        visit(server, kept, "/a", "/b")
    assert {seen.connection for seen in server.seen} == {1}
