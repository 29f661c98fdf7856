"""What docs/disasters.md, backup-resources.md and velero-and-snapshots.md tell to write: target files that lack nothing, and the Roles of their plans.

The scripts are run with a genuine PostgreSQL and a genuine S3 server.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from harness.drivers.check.backups.place import backup_place
from harness.drivers.check.drills.restore import restore_time, restored_copy
from harness.drivers.check.registry import kind_of
from harness.drivers.facts import FactReading
from harness.drivers.watch.backups import BackupsWatcher
from harness.errors import DriverError
from harness.figures import spec_of
from harness.run.plan.access import roles
from harness.steps.grammar import demands_of, read
from harness.targets import Target, load_target
from harness.targets.access import Access, accesses_of, placed
from tests.builders.addresses import NET
from tests.builders.database_servers import BINARIES, Member, lone, postgres
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, needs_s3_server, s3_server
from tests.page_blocks import blocks

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE: Final = (DOCS / "disasters.md").read_text(encoding="utf-8")
RESOURCES: Final = (DOCS / "backup-resources.md").read_text(encoding="utf-8")
PRODUCTS: Final = (DOCS / "velero-and-snapshots.md").read_text(encoding="utf-8")
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\ndatabase: {dsn: {env: DSN}}\n"
ACCESS: Final = "host all all 127.0.0.0/8 trust\n"
CHECKSUM: Final = "lies in"


def sentences(page: str) -> list[str]:
    """What its scenarios say."""
    return [one for text in blocks(page, "gherkin") for one in re.findall(r"^ +(?:Then|And) (.*)$", text, re.MULTILINE)]


def needed(target: Target, found: list[str]) -> tuple[Access, ...]:
    """The permissions for these sentences; nothing that they need is missing."""
    asked = [*BackupsWatcher().accesses(target)]
    for sentence in found:
        objective = read(sentence).objective
        assert objective is not None, sentence
        assert all(getattr(target, need.key) for need in spec_of(objective.figure).needs(objective))
        for demand in demands_of(objective):
            kind = kind_of(demand.name)
            assert list(kind.missing(target, demand.params)) == [], sentence
            assert kind.consent in {"", *(one.experiment for one in target.may_break)}
            asked += accesses_of(kind.read, target, demand.params) or ()
    return placed(asked, target)


def test_a_platform_without_kubernetes_lacks_nothing(tmp_path: Path) -> None:
    """The four sentences, and no permission of a cluster."""
    file = tmp_path / "target.yaml"
    file.write_text(blocks(PAGE, "yaml")[0], encoding="utf-8")
    assert len(sentences(PAGE)) == 4
    assert needed(load_target(file), sentences(PAGE)) == ()


@pytest.mark.parametrize(("page", "target_file"), [(PAGE, 1), (RESOURCES, 0)], ids=["disasters", "backup-resources"])
def test_a_platform_with_cloudnative_pg_needs_the_role_of_the_page(tmp_path: Path, page: str, target_file: int) -> None:
    """All sentences but that on the checksum; the rules are exactly those of docs/backup-resources.md, which `readiness plan --roles` writes."""
    file = tmp_path / "target.yaml"
    file.write_text(BEFORE + blocks(page, "yaml")[target_file], encoding="utf-8")
    asked = needed(load_target(file), [one for one in sentences(page) if CHECKSUM not in one])
    (made,) = (one for one in roles(asked, "shop", ("shop", "shop"))["items"] if one["kind"] == "Role")
    written: Mapping[str, Any] = yaml.safe_load(blocks(RESOURCES, "yaml")[1])
    assert made["rules"] == written["rules"]
    assert made["metadata"]["namespace"] == "shop"


@pytest.mark.parametrize(("target_file", "role"), [(0, 3), (1, 4)], ids=["velero", "snapshots"])
def test_drills_by_other_products_need_the_roles_of_their_page(tmp_path: Path, target_file: int, role: int) -> None:
    """Both sentences on a drill; the rules are exactly those that `readiness plan --roles` writes."""
    file = tmp_path / "target.yaml"
    file.write_text(BEFORE + blocks(PRODUCTS, "yaml")[target_file], encoding="utf-8")
    found = [one.replace("of shop", "of orders") for one in sentences(PAGE) if "restore" in one]
    assert len(found) == 2
    made = roles(needed(load_target(file), found), "shop", ("shop", "shop"))["items"]
    rules = {one["kind"]: one["rules"] for one in made if "rules" in one}
    assert rules == yaml.safe_load(blocks(PRODUCTS, "yaml")[role])


class Shop:
    """The platform of the page: two servers, a bucket, the scripts."""

    def __init__(self, here: Path, serves: Member, spare: Member, server: S3Server) -> None:
        self.here, self.serves, self.server = here, serves, server
        (here / "s3.curl").write_text(f'aws-sigv4 = "aws:amz:us-east-1:s3"\nuser = "{ACCESS_KEY}:{SECRET_KEY}"\n')
        (here / "bin").mkdir()
        for name in ("pg_dump", "pg_restore", "psql"):
            program = here / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {" ".join(postgres(name))} "$@"\n')
            program.chmod(0o755)
        for script in blocks(PAGE, "sh"):
            (path,) = re.findall(r"^# /etc/readiness/(\S+?\.sh)", script)
            (here / path).write_text(script, encoding="utf-8")
        self.variables = {
            "PATH": f"{here / 'bin'}:{os.environ['PATH']}",
            "DSN": serves.dsn,
            "SPARE_DSN": spare.dsn,
            "SCRATCH_DSN": spare.dsn.replace("dbname=postgres", "dbname=shop_drill"),
            "SPARE_DIRECTORY": str(here),
            "S3_CURL": str(here / "s3.curl"),
            "BUCKET": f"{server.endpoint}/shop-backups",
            **server.variables,
        }

    @property
    def target(self) -> Target:
        """The target file of the page, with the addresses of this machine."""
        text = blocks(PAGE, "yaml")[0].replace("/etc/readiness/", f"{self.here}/")
        text = text.replace("https://s3.example.test", self.server.endpoint).replace("eu-central-1", "us-east-1")
        (self.here / "target.yaml").write_text(text, encoding="utf-8")
        return load_target(self.here / "target.yaml")

    def backed_up(self) -> None:
        """Run the script that makes a backup."""
        subprocess.run(["sh", str(self.here / "backup.sh")], check=True)

    def copy(self) -> list[FactReading]:
        """The facts of the drill that are not as expected."""
        return [one for one in restored_copy(self.target, {"drill": "shop"})() if not one.ok]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Member, Member, S3Server]]:
    """The server that serves, the one for drills, and a bucket."""
    here = tmp_path_factory.mktemp("disasters")
    with (
        lone(here / "serves", f"{NET}235", ACCESS) as serves,
        lone(here / "spare", f"{NET}236", ACCESS) as spare,
        s3_server(here / "s3") as server,
    ):
        serves.ask("CREATE TABLE orders (id serial PRIMARY KEY, note text)")
        serves.ask("INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 1000) n")
        server.ask("PUT", "shop-backups")
        yield serves, spare, server


@pytest.fixture
def shop(
    servers: tuple[Member, Member, S3Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Shop]:
    """The platform, with its variables."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))

    def made() -> Shop:
        platform = Shop(tmp_path, *servers)
        for name, value in platform.variables.items():
            monkeypatch.setenv(name, value)
        return platform

    return made


@needs_s3_server
def test_the_scripts_make_a_whole_backup_that_is_restored(shop: Callable[[], Shop]) -> None:
    """The newest backup has its checksum in the bucket; the copy is equal, done in time, and removed."""
    assert BINARIES.is_dir()
    platform = shop()
    platform.backed_up()
    place = backup_place(platform.target, {"backup": "database", "place": "s3://shop-backups/database/"})
    assert callable(place)
    newest, checksum = place()
    assert (newest.subject, newest.ok, checksum.subject[:12], checksum.ok) == (
        "newest backup",
        True,
        "checksum of ",
        True,
    )
    assert platform.copy() == []
    (fact,) = restore_time(platform.target, {"drill": "shop", "within": "4 h"})()
    assert fact.ok


@needs_s3_server
def test_a_backup_without_a_table_is_found(shop: Callable[[], Shop]) -> None:
    """As the scenario says by what it is falsified."""
    platform = shop()
    script = platform.here / "backup.sh"
    script.write_text(script.read_text().replace("pg_dump -Fc", "pg_dump -Fc --exclude-table=orders"))
    assert "table public.orders" in {one.subject for one in platform.copy() if one.ok is False}


@needs_s3_server
def test_a_restore_that_is_larger_than_the_disk_is_not_tried(shop: Callable[[], Shop]) -> None:
    """The disk has less room than the script wants: nothing is decided, and nothing restored."""
    platform = shop()
    df = platform.here / "bin" / "df"
    df.write_text("#!/bin/sh\necho Avail; echo 1000\n")
    df.chmod(0o755)
    with pytest.raises(DriverError, match="could not be run: it ended with 75"):
        platform.copy()
