"""NetworkPolicy: may this party call that one?

Semantics of https://kubernetes.io/docs/concepts/services-networking/network-policies/ : a pod that no policy selects takes and makes every connection; one that some select takes only what one of them allows.
Both ends must agree: the caller's egress and the callee's ingress.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster.selectors import Selector

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

Rule = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """One end of a connection as policies see it; a namespace of '' is outside the cluster."""

    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


class Policies:
    """The NetworkPolicies of the cluster."""

    def __init__(self, policies: Iterable[Mapping[str, Any]]) -> None:
        self._by_namespace: dict[str, list[tuple[Selector, Mapping[str, Any]]]] = {}
        for policy in policies:
            spec = policy.get("spec") or {}
            selector = Selector.of(spec.get("podSelector"))
            self._by_namespace.setdefault(policy["metadata"]["namespace"], []).append((selector, spec))
        rules = [
            rule
            for policies in self._by_namespace.values()
            for _, spec in policies
            for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ()))
        ]
        peers = [peer for rule in rules for peer in (*(rule.get("from") or ()), *(rule.get("to") or ()))]
        self._by_address = any(peer.get("ipBlock") is not None for peer in peers)

    @property
    def admit_all(self) -> bool:
        """Whether there is no policy."""
        return not self._by_namespace

    def alike(self, party: Party) -> Hashable:
        """Callers with the same key are admitted to the same endpoints."""
        labels, spaces = frozenset(party.labels.items()), frozenset(party.namespace_labels.items())
        return party.namespace, labels, spaces, party.address if self._by_address else ""

    def admit(self, caller: Party, callee: Party, port: int) -> bool:
        """Whether a TCP connection from `caller` to that port of `callee` is allowed."""
        return _allowed(self._rules(callee, "Ingress"), caller, callee, port) and _allowed(
            self._rules(caller, "Egress"), callee, callee, port
        )

    def _rules(self, party: Party, direction: str) -> list[Rule] | None:
        """The rules that bind the party in that direction; None when no policy isolates it."""
        key = direction.lower()
        found: list[Rule] | None = None
        for selector, spec in self._by_namespace.get(party.namespace, ()):
            if selector.matches(party.labels) and direction in _types(spec):
                peers = "from" if key == "ingress" else "to"
                rules = [
                    {"peers": rule.get(peers), "ports": rule.get("ports"), "home": party.namespace}
                    for rule in spec.get(key) or ()
                ]
                found = (found or []) + rules
        return found


def _types(spec: Mapping[str, Any]) -> Iterable[str]:
    return spec.get("policyTypes") or (("Ingress", "Egress") if "egress" in spec else ("Ingress",))


def _allowed(rules: list[Rule] | None, peer: Party, callee: Party, port: int) -> bool:
    return rules is None or any(_peer_fits(rule, peer) and _port_fits(rule, callee, port) for rule in rules)


def _peer_fits(rule: Rule, peer: Party) -> bool:
    return not rule["peers"] or any(_is_one_of(each, peer, rule["home"]) for each in rule["peers"])


def _is_one_of(entry: Mapping[str, Any], peer: Party, home: str) -> bool:
    if (block := entry.get("ipBlock")) is not None:
        address = ipaddress.ip_address(peer.address)
        inside = address in ipaddress.ip_network(block["cidr"], strict=False)
        return inside and not any(address in ipaddress.ip_network(out, strict=False) for out in block.get("except", ()))
    if not peer.namespace:
        return False
    spaces = entry.get("namespaceSelector")
    in_space = peer.namespace == home if spaces is None else Selector.of(spaces).matches(peer.namespace_labels)
    pods = entry.get("podSelector")
    return in_space and (pods is None or Selector.of(pods).matches(peer.labels))


def _port_fits(rule: Rule, callee: Party, port: int) -> bool:
    return not rule["ports"] or any(_is_port(each, callee, port) for each in rule["ports"])


def _is_port(entry: Mapping[str, Any], callee: Party, port: int) -> bool:
    if entry.get("protocol", "TCP") != "TCP":
        return False
    first = entry.get("port")
    if first is None:
        return True
    number = callee.ports.get(first) if isinstance(first, str) else first
    return number is not None and number <= port <= entry.get("endPort", number)
