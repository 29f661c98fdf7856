"""Places of backups as they are read: a directory, and a bucket of a genuine S3 server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from harness import clock
from harness.clock import Deadline
from harness.errors import AccessDenied, DriverError, TargetUnreachable
from harness.targets import Target, load_target
from harness.targets.stores import s3
from harness.targets.stores.asking import asked, asked_in_loop, loop_client, streamed
from harness.targets.stores.directory import list_directory
from harness.targets.stores.listing import Listing
from harness.targets.stores.s3 import S3Place, listed, setting
from harness.targets.stores.signing import S3Keys, signed_headers
from harness.targets.stores.xml import xml_of
from harness.units import NS_PER_S
from tests.builders import http_servers
from tests.builders.addresses import NET
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, STRANGER, S3Server, needs_s3_server, s3_server

EXAMPLE = S3Keys(access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
BUCKET = "shop-backups"


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ({"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ({"prefix": "J", "max-keys": "2"}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_of_the_documentation_of_s3_are_signed_as_there(query: dict[str, str], signature: str) -> None:
    """AWS, Signature Calculations for the Authorization Header."""
    at = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signed_headers(
        "GET", "https://examplebucket.s3.amazonaws.com/", query, EXAMPLE, region="us-east-1", at=at
    )
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert EXAMPLE.secret_key not in repr(EXAMPLE)


def test_a_directory_is_listed_with_what_is_below_it(tmp_path: Path) -> None:
    """Its clock is that of this machine; what cannot be listed is an error with its path."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.dump").write_bytes(b"1234")
    (tmp_path / "b.dump").write_bytes(b"")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "link").symlink_to(tmp_path / "full", target_is_directory=True)
    (tmp_path / "latest.dump").symlink_to(tmp_path / "full" / "a.dump")
    before_ns = clock.wall_ns(clock.wall())
    found = list_directory(tmp_path)
    assert {one.name: one.size for one in found.objects} == {"b.dump": 0, "full/a.dump": 4, "link": 0}
    assert (found.step_ns, found.store_ns >= before_ns, found.sent_ns <= found.done_ns) == (0, True, True)
    with pytest.raises(DriverError, match="the directory cannot be listed: No such file or directory"):
        list_directory(tmp_path / "gone")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server for this module, with 25 backups, one upload in parts that was never completed, and other names."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        import obstore

        server.ask("PUT", BUCKET)
        store = server.store(BUCKET)
        for n in range(25):
            obstore.put(store, f"database/{n:02}.dump", b"x" * (n + 1))
        obstore.put(store, "database-old/1.dump", b"x")
        obstore.put(store, "odd/a b+c=ü&?#%41.dump", b"x")
        server.ask("POST", f"{BUCKET}/database/open.dump", {"uploads": ""})
        yield server


def target_of(directory: Path, endpoint: str, **more: Any) -> Target:
    """A target whose backups are in the bucket."""
    (directory / "access").write_text(more.pop("access", ACCESS_KEY), encoding="utf-8")
    (directory / "secret").write_text(more.pop("secret", SECRET_KEY), encoding="utf-8")
    keys = f"access_key: {{file: {directory}/access}}, secret_key: {{file: {directory}/secret}}"
    at, within = more.pop("at", f"s3://{BUCKET}/database"), more.pop("within", "20 s")
    file = directory / "target.yaml"
    file.write_text(
        "name: shop\nenvironment: staging\nentry: https://shop.example.test\nbackups:\n"
        f"  database: {{at: {at}, endpoint: '{endpoint}', {keys}, files: ['*.dump'], within: {within}}}\n",
        encoding="utf-8",
    )
    return load_target(file)


def listing(target: Target) -> Listing:
    """The list of its backups."""
    store = target.backups["database"]
    place = S3Place.of(store)
    return asked(target, place, listed(place), Deadline.after(store.within_s))


@needs_s3_server
@pytest.mark.parametrize("page", [1000, 10, 25])
def test_a_bucket_is_listed_page_by_page(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """All objects below the prefix, none of another, none that is not complete; with the store's own time."""
    monkeypatch.setattr(s3, "PAGE", page)
    found = listing(target_of(tmp_path, server.endpoint))
    assert {one.name: one.size for one in found.objects} == {f"{n:02}.dump": n + 1 for n in range(25)}
    now_ns = clock.wall_ns(clock.wall())
    assert abs(found.store_ns - now_ns) < 5 * NS_PER_S
    assert all(abs(one.modified_ns - now_ns) < 120 * NS_PER_S for one in found.objects)


@needs_s3_server
def test_a_bucket_is_listed_in_an_event_loop_as_it_is_otherwise(server: S3Server, tmp_path: Path) -> None:
    """By the client of the watch."""
    target = target_of(tmp_path, server.endpoint)
    place = S3Place.of(target.backups["database"])

    async def read() -> Listing:
        async with loop_client(target, place) as client:
            return await asked_in_loop(client, place, listed(place), Deadline.after(20))

    assert asyncio.run(read()).objects == listing(target).objects


@needs_s3_server
def test_names_of_any_characters_are_listed_and_read(server: S3Server, tmp_path: Path) -> None:
    """As they were written, with what a URL would encode."""
    target = target_of(tmp_path, server.endpoint, at=f"s3://{BUCKET}/odd")
    (one,) = listing(target).objects
    assert one.name == "a b+c=ü&?#%41.dump"
    with streamed(target, S3Place.of(target.backups["database"]), one.name, Deadline.after(20)) as (tag, parts):
        assert (tag.strip('"'), b"".join(parts)) == (one.tag.strip('"'), b"x")


@needs_s3_server
@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"secret": "another"}, AccessDenied, "the bucket refuses the request: status 403, SignatureDoesNotMatch"),
        ({"access": "nobody"}, AccessDenied, "the bucket refuses the request: status 403, InvalidAccessKeyId"),
        ({"access": STRANGER}, AccessDenied, "the bucket refuses the request: status 403, AccessDenied"),
        (
            {"at": "s3://nowhere/database"},
            DriverError,
            "the bucket answers with an error: status 404, NoSuchBucket, The specified bucket does not exist\n  hint: correct `at`",
        ),
    ],
)
def test_a_bucket_that_may_not_be_listed_says_so(
    server: S3Server, tmp_path: Path, wrong: dict[str, str], error: type[DriverError], words: str
) -> None:
    """With the code of the server, and without the secret."""
    with pytest.raises(error) as refused:
        listing(target_of(tmp_path, server.endpoint, **wrong))
    assert words in str(refused.value)
    assert SECRET_KEY not in str(refused.value)


@needs_s3_server
@pytest.mark.slow
def test_ten_thousand_objects_are_listed(server: S3Server, tmp_path: Path) -> None:
    """In eleven pages."""
    import obstore

    store = server.store(BUCKET)

    async def put_all() -> None:
        for begin in range(0, 10_001, 200):
            names = [f"many/{n:05}.dump" for n in range(begin, min(begin + 200, 10_001))]
            await asyncio.gather(*(obstore.put_async(store, name, b"x") for name in names))

    asyncio.run(put_all())
    found = listing(target_of(tmp_path, server.endpoint, at=f"s3://{BUCKET}/many", within="60 s"))
    assert len(found.objects) == 10_001


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[str]:
    """A server that gives these answers, the last one again and again."""
    with http_servers.answering(chain(answers, repeat(answers[-1]))) as (endpoint, _):
        yield endpoint


EMPTY = b"<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>false</IsTruncated></ListBucketResult>"
MORE = b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"
SAME = MORE.replace(b"</List", b"<NextContinuationToken>1</NextContinuationToken></List")
UNDATED = b"<ListBucketResult><Contents><Key>database/a</Key><Size>1</Size></Contents></ListBucketResult>"
BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><ListBucketResult>&a;</ListBucketResult>"


def test_a_server_that_is_overloaded_for_a_while_is_asked_again(tmp_path: Path) -> None:
    """Answers 503 and 429; where it goes on until the time is over, that is said."""
    with answering((503, b""), (429, b""), (500, b""), (200, EMPTY)) as endpoint:
        assert listing(target_of(tmp_path, endpoint)).objects == ()
    with answering((503, b"")) as endpoint, pytest.raises(TargetUnreachable, match="status 503"):
        listing(target_of(tmp_path, endpoint, within="300 ms"))


def test_an_object_of_a_server_that_is_overloaded_for_a_while_is_asked_for_again(tmp_path: Path) -> None:
    """As a list is."""

    def content(endpoint: str, within_s: float) -> bytes:
        target = target_of(tmp_path, endpoint)
        place = S3Place.of(target.backups["database"])
        with streamed(target, place, "a.dump", Deadline.after(within_s)) as (_, parts):
            return b"".join(parts)

    with answering((503, b""), (500, b""), (200, b"PGDMP")) as endpoint:
        assert content(endpoint, 20.0) == b"PGDMP"
    with answering((503, b"")) as endpoint, pytest.raises(TargetUnreachable, match="status 503"):
        content(endpoint, 0.3)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A closed port."""
    with pytest.raises(TargetUnreachable, match="refused"):
        listing(target_of(tmp_path, f"http://{NET}77:9", within="300 ms"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not XML, or is cut short"),
        (EMPTY[:-4], "is not XML, or is cut short"),
        (b"<html></html>", "the answer is `html`, expected `ListBucketResult`"),
        (MORE, "names no next one, and is not the last"),
        (SAME, "names no next one, and is not the last"),
        (UNDATED, "the list has no time or no size of 'database/a'"),
        (BOMB, "has a document type, which is refused"),
        (b"<a>" * 20 + b"</a>" * 20, "nested elements"),
    ],
)
def test_an_answer_that_is_no_list_is_said(tmp_path: Path, body: bytes, words: str) -> None:
    """With what was expected."""
    with answering((200, body)) as endpoint, pytest.raises(DriverError, match=words):
        listing(target_of(tmp_path, endpoint))


def test_a_setting_that_the_server_does_not_have_is_an_error(tmp_path: Path) -> None:
    """That a bucket has no rule is known only from a server that has rules."""
    none = b"<Error><Code>NoSuchLifecycleConfiguration</Code></Error>"
    target = target_of(tmp_path, f"http://{NET}77:9")

    def rules(endpoint: str) -> object:
        place = S3Place.of(target_of(tmp_path, endpoint).backups["database"])
        return asked(
            target,
            place,
            setting(place, "lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration"),
            Deadline.after(5),
        )

    with answering((404, none)) as endpoint:
        assert rules(endpoint) is None
    for status, body in (
        (200, EMPTY),
        (501, b""),
        (404, b"<Error><Code>NoSuchBucket</Code></Error>"),
        (404, b""),
        (403, b""),
    ):
        with answering((status, body)) as endpoint, pytest.raises(DriverError):
            rules(endpoint)


def test_elements_are_read_without_their_namespace() -> None:
    """And text that comes in pieces is one."""
    found = xml_of(b"<s:A xmlns:s='u'><s:B>1 &amp; 2</s:B><C><B>3</B></C></s:A>", "here")
    assert (found.name, found.value("B"), found.value("D")) == ("A", "1 & 2", "")
