"""`refuses-old-tls`, `hybrid-key-exchange`: check which handshakes a listener takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.transport.hello import (
    HYBRID_GROUPS,
    TLS_1_3,
    VERSIONS,
    HelloAnswer,
    HelloOutcome,
    client_hello,
    hello_answer,
)
from harness.drivers.check.transport.listeners import (
    LISTENERS,
    NEEDS,
    READS,
    NamedListener,
    chosen,
    read_each,
    remembered,
    undeclared,
)
from harness.drivers.check.transport.wire import NoConnection, NoTls, PlainAnswer, begin_tls, connected, plain_answer
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import UsageError
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.files.listeners import TlsListener

_CLASSIC: Final = (0x001D, 0x0017, 0x0018, 0x0019)


@claim(
    LISTENERS,
    "refuses plain text and every handshake below TLS <least:version>",
    example="every public listener refuses plain text and every handshake below TLS 1.2",
    needs=NEEDS,
    seconds=2.0,
)
@accesses(*READS)
def refuses_old_tls(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Plain text, and a handshake of each older version by itself, from SSL 3.0 on; all versions are offered before and after as control.

    The offers are made without OpenSSL, which may refuse to offer old versions. SSL 2.0 is not offered.
    """
    listeners, least = chosen(target, params["listeners"]), version_of(params["least"])

    def probe() -> Sequence[FactReading]:
        return [
            *read_each(listeners, lambda one: refusals(one, least)),
            *undeclared(target, params["listeners"]),
        ]

    return remembered(probe)


def version_of(text: str) -> int:
    """The number of a version that is written as `1.2`.

    Raises:
        UsageError: the version is unknown.
    """
    found = [number for number, name in VERSIONS.items() if name == f"TLS {text}"]
    if not found:
        raise UsageError(f"unknown version of TLS: {text}", hint="write 1.0, 1.1, 1.2 or 1.3")
    return found[0]


def offered(
    listener: NamedListener, versions: Sequence[int], groups: Sequence[int] = _CLASSIC, *, name: str = ""
) -> HelloAnswer:
    """The answer of a listener to an offer of these versions and key exchanges; it never raises."""
    try:
        with connected(listener.at) as connection:
            begin_tls(connection, listener.at)
            connection.sendall(client_hello(versions, name or listener.at.called, groups))
            return hello_answer(connection)
    except NoTls as error:
        return HelloAnswer(HelloOutcome.REFUSED, str(error))
    except OSError as error:
        return HelloAnswer(HelloOutcome.UNCLEAR, str(error))


def refusals(listener: NamedListener, least: int) -> Iterator[FactReading]:
    """Facts of one listener: plain text and each version below `least` are refused; what only a closed connection says counts between two controls."""
    control = offered(listener, [*VERSIONS])
    refused, words = _plain(listener.at)
    # who does not answer an offer of all versions within its time would take as long for each of them
    tried = control.outcome is not HelloOutcome.UNCLEAR
    older = {version: offered(listener, [version]) if tried else control for version in VERSIONS if version < least}
    controls = (control, offered(listener, [*VERSIONS])) if tried else (control,)
    alive = all(one.outcome is HelloOutcome.ACCEPTED for one in controls)
    if not alive and refused:
        refused, words = None, f"{words}, and no handshake either"
    yield FactReading(
        subject=f"{listener}: plain text", expected="refused", observed=words, ok=refused, sure=refused is False
    )
    if not alive:
        failed = next(one for one in controls if one.outcome is not HelloOutcome.ACCEPTED)
        expected = "accepted, as the control of the refusals"
        yield FactReading(subject=f"{listener}: any version", expected=expected, observed=failed.words, ok=None)
    for version, answer in older.items():
        yield _refusal(f"{listener}: {VERSIONS[version]}", answer, alive=alive)
    if listener.at.plain:
        refused, words = _plain(
            listener.at.model_copy(update={"address": listener.at.plain, "name": listener.at.called})
        )
        subject = f"{listener}: plain text at {listener.at.plain}"
        yield FactReading(subject=subject, expected="refused, or redirected to HTTPS", observed=words, ok=refused)


def _plain(at: TlsListener) -> PlainAnswer:
    try:
        return plain_answer(at)
    except NoConnection as error:
        return PlainAnswer(None, str(error))


def _refusal(subject: str, answer: HelloAnswer, *, alive: bool) -> FactReading:
    ok: bool | None = None
    if answer.outcome is HelloOutcome.ACCEPTED:
        ok = False
    elif alive and answer.outcome in (HelloOutcome.REFUSED, HelloOutcome.CLOSED):
        ok = True
    return FactReading(
        subject=subject, expected="refused", observed=answer.words, ok=ok, sure=answer.outcome is HelloOutcome.ACCEPTED
    )


@claim(
    LISTENERS,
    "offers a hybrid post-quantum key exchange",
    example="every public listener offers a hybrid post-quantum key exchange",
    needs=NEEDS,
)
@accesses(*READS)
def hybrid_key_exchange(target: Target, params: Mapping[str, str]) -> FactProbe:
    """TLS 1.3 with nothing but one hybrid group; X25519MLKEM768, SecP256r1MLKEM768 and SecP384r1MLKEM1024 in turn.

    A server that has the group asks for a share of it. The control is TLS 1.3 with elliptic curves alone.
    """
    listeners = chosen(target, params["listeners"])

    def probe() -> Sequence[FactReading]:
        return [*read_each(listeners, _hybrid), *undeclared(target, params["listeners"])]

    return probe


def _hybrid(listener: NamedListener) -> Iterator[FactReading]:
    expected = f"one of {', '.join(HYBRID_GROUPS.values())}"
    answers = {group: offered(listener, [TLS_1_3], [group]) for group in HYBRID_GROUPS}
    taken = [
        HYBRID_GROUPS[group]
        for group, answer in answers.items()
        if (answer.outcome, answer.group) == (HelloOutcome.ACCEPTED, group)
    ]
    control = offered(listener, [TLS_1_3])
    words = ", ".join(taken) or f"none of them: {next(iter(answers.values())).words}"
    decided: bool | None = bool(taken)
    if not taken and control.outcome is not HelloOutcome.ACCEPTED:
        if offered(listener, [*VERSIONS]).outcome is HelloOutcome.ACCEPTED and control.outcome is HelloOutcome.REFUSED:
            words = f"TLS 1.3 itself is refused: {control.words}"
        else:
            decided, words = None, control.words
    elif not taken and any(one.outcome is HelloOutcome.UNCLEAR for one in answers.values()):
        decided = None
    yield FactReading(subject=str(listener), expected=expected, observed=words, ok=decided)
