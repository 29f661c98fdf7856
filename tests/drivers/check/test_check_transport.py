"""The listeners of a target file, what the Kubernetes API shows beside them, and connections inside the platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.drivers.check.flow_log import FlowKey, FlowsRead
from harness.drivers.check.registry import CHECKS
from harness.drivers.check.transport.hello import TLS_1_3
from harness.drivers.check.transport.listeners import chosen, listeners_of, outside
from harness.drivers.check.transport.transit import Destination, between, destination_facts
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from readiness_sandbox.cluster.tls import Authority
from tests.drivers.check.test_check_hello import served


def target_of(directory: Path, tls: str) -> Target:
    """A target with an entry, an entry of a region, and this section."""
    text = (
        "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"
        f"regions: {{north: {{entry: 'https://north.example.test:8443'}}}}\ntls: {tls}\n"
    )
    (directory / "target.yaml").write_text(text)
    return load_target(directory / "target.yaml")


def test_the_entries_are_public_listeners_by_themselves(tmp_path: Path) -> None:
    """That of a region, too; a declared one with the entry's address is the entry, even if it says that it is not public."""
    target = target_of(tmp_path, "{listeners: {door: {address: 'shop.example.test:443'}, cache: 'cache:6379'}}")
    found = {name: (one.address, one.public) for name, one in listeners_of(target).items()}
    assert found == {
        "door": ("shop.example.test:443", True),
        "cache": ("cache:6379", False),
        "north": ("north.example.test:8443", True),
    }
    assert [one.name for one in chosen(target, "public")] == ["door", "north"]
    assert [one.name for one in chosen(target, "cache")] == ["cache"]


def test_a_declared_name_hides_the_entry_only_where_it_is_the_entry_s(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """A listener that is named like a region and is at another place is another one; users come in at the entry of the target file."""
    north, shop = "north.example.test:8443", "shop.example.test:443"
    for declared, expected in [
        ("{north: 'elsewhere:443'}", {"north": "elsewhere:443", "north (entry)": north, "entry": shop}),
        ("{entry: {address: '192.0.2.1:8443', name: shop.example.test}}", {"entry": "192.0.2.1:8443", "north": north}),
        ("{entry: 'other.test:443'}", {"entry": "other.test:443", "entry (entry)": shop, "north": north}),
    ]:
        with subtests.test(declared):
            every = listeners_of(target_of(tmp_path, f"{{listeners: {declared}}}"))
            assert {name: one.address for name, one in every.items()} == expected


def test_a_sentence_about_no_listener_is_refused(tmp_path: Path) -> None:
    """The error has the names that there are."""
    with pytest.raises(ConfigurationError, match="names no mutual listener") as caught:
        chosen(target_of(tmp_path, "{}"), "mutual")
    assert "known are entry, north" in str(caught.value)


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ("{listeners: {db: 'db'}}", "an address like `shop.example.test:443`"),
        ("{listeners: {db: 'db:70000'}}", "an address like `shop.example.test:443`"),
        ("{listeners: {db: 'https://db.test/path'}}", "an address like `shop.example.test:443`"),
        ("{listeners: {db: {address: 'db:5432', protocol: postgres}}}", "postgresql"),
        ("{listeners: {db: {address: 'db:5432', mutal: true}}}", "mutual"),
        ("{client_certificates: {right: {certificate: a.crt}}}", "key"),
    ],
)
def test_a_wrong_section_is_refused_with_its_line(tmp_path: Path, tls: str, words: str) -> None:
    """File, line, key, and what was expected."""
    with pytest.raises(ConfigurationError) as caught:
        target_of(tmp_path, tls)
    assert words in str(caught.value)
    assert "target.yaml:5" in str(caught.value)


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    """An authority that is a text, and a key that is another certificate's."""
    (tmp_path / "text.pem").write_text("no certificate\n")
    for name in ("one", "other"):
        Authority().issue(name).write(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")
    with pytest.raises(ConfigurationError, match="a certificate cannot be read"):
        CHECKS["valid-certificate"].read(
            target_of(tmp_path, "{ca_file: text.pem}"), {"listeners": "public", "days": "30"}
        )
    right = "{right: {certificate: one.crt, key: other.key}}"
    target = target_of(
        tmp_path, f"{{listeners: {{m: {{address: 'm:1', mutual: true}}}}, client_certificates: {right}}}"
    )
    with (
        pytest.raises(ConfigurationError, match="key values mismatch") as caught,
        CHECKS["client-certificates"].placed(target, {"listeners": "mutual"}),
    ):
        pass
    assert "one.crt and the key other.key" in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_services_that_are_open_to_the_outside_are_found() -> None:
    """By type and by external address, each TCP port; one of the inside is not."""
    specs: Mapping[str, dict[str, object]] = {
        "balancer": {"type": "LoadBalancer"},
        "node": {"type": "NodePort"},
        "external": {"type": "ClusterIP", "externalIPs": ["192.0.2.1"]},
        "inside": {"type": "ClusterIP", "clusterIP": "10.0.0.1"},
    }
    ports = [{"port": 443, "nodePort": 30443}, {"port": 53, "protocol": "UDP"}]
    status = {"loadBalancer": {"ingress": [{"hostname": "lb.example.test"}]}}
    found = {
        kind: [(how, port) for how, port, _ in outside({"spec": {"ports": ports, **spec}, "status": status})]
        for kind, spec in specs.items()
    }
    assert found == {
        "balancer": [("LoadBalancer", 443)],
        "node": [("NodePort", 30443)],
        "external": [("external address", 443)],
        "inside": [],
    }


def flow(source: str, destination: str, verdict: str = "FORWARDED", namespace: str = "shop") -> FlowKey:
    """A connection to port 8443."""
    return FlowKey(namespace if source else "", source, "shop", destination, 8443, verdict)


def test_connections_of_workloads_to_workloads_are_counted(tmp_path: Path) -> None:
    """A refused one, one from outside and those of a workload that is set apart are none."""
    target = target_of(tmp_path, "{apart: [prometheus]}")
    seen = {
        flow("web", "till"): 3,
        flow("app", "till"): 1,
        flow("web", "till", "DROPPED"): 9,
        flow("", "web"): 9,
        flow("prometheus", "till"): 9,
    }
    reads = [FlowsRead(at_ns=0, before=before, connections=seen, lines=5) for before in (True, False)]
    assert between(target, reads) == {Destination("shop", "till", 8443): Counter(web=6, app=2)}


def test_a_destination_that_answers_plain_http_is_not_encrypted(tmp_path: Path) -> None:
    """One whose pods are gone, or that speaks an unknown protocol, is unknown."""
    target, callers = target_of(tmp_path, "{}"), Counter(web=4)

    def of(port: int, *pods: str) -> tuple[str, bool | None]:
        destination = Destination("shop", "till", port)
        [fact] = destination_facts(target, destination, callers, {("shop", "till"): pods}, TLS_1_3)
        return fact.observed, fact.ok

    assert of(8443) == ("none of its pods runs any more", None)
    with served(b"HTTP/1.1 200 OK\r\n\r\n") as plain:
        words, ok = of(plain.at.port, "127.0.0.1")
    assert (words.partition(" pods; ")[0], words.rpartition(": ")[2], ok) == (
        "4 connections to 1",
        "plain HTTP was answered with status 200",
        False,
    )
    with served(b"SSH-2.0-OpenSSH_9.2\r\n") as unknown:
        words, ok = of(unknown.at.port, "127.0.0.1")
    assert ok is None
    assert "hint: name its protocol in `tls.listeners`, with `workload: till`" in words
