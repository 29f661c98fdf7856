"""YAML files of every kind that people write, changed as a hasty hand, an editor or a foreign tool would."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harness.catalogue import lint, load_catalogue
from harness.drivers.chaos.experiments import read_experiment
from harness.drivers.load import load_traffic
from harness.drivers.rollout.files import read_rollout
from harness.targets import load_target
from harness.targets.files.statements import read_attestations, read_waivers

ROOT: Final = Path(__file__).parents[2]


def _block(page: str, begins: str = "") -> str:
    """The first YAML block of a page of docs/ that begins so."""
    found: list[str] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in found if block.startswith(begins))


_SIGNED: Final = (
    "by: A. Person\nreason: reviewed\nlink: https://example.test/1\n"
    "date: 2026-05-01\nexpires: 2026-07-01\nrelease: 1.0.0\n"
)
_TODAY: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
READERS: Final[Mapping[str, tuple[str, Callable[[Path], object]]]] = {
    "target.yaml": (
        _block("target-file.md"),
        load_target,
    ),
    "catalogue.yaml": (
        (ROOT / "tests/plain/catalogue/plain.yaml").read_text(encoding="utf-8"),
        lambda path: load_catalogue([path]),
    ),
    "profiles.yaml": (
        "profiles:\n  mine: [ND-KPI-P95, DA-DR-RTO]\n  more: [ND-KPI-UPTIME]\n",
        lambda path: load_catalogue([path]),
    ),
    "shop.yaml": (
        _block("catalogue.md").replace(", ND-KPI-ERRORS", ""),
        lambda path: lint(load_catalogue([path])),
    ),
    "contradictions.yaml": (
        _block("catalogue-contradictions.md", "contradictions:"),
        lambda path: lint(load_catalogue([path])),
    ),
    "everyday.yaml": (
        (ROOT / "loadtests/everyday.yaml").read_text(encoding="utf-8"),
        lambda path: load_traffic("everyday", [path.parent]),
    ),
    "experiment.yaml": ((ROOT / "experiments/pod-loss.yaml").read_text(encoding="utf-8"), read_experiment),
    "rollout.yaml": ((ROOT / "rollouts/canary.yaml").read_text(encoding="utf-8"), read_rollout),
    "attestations/S-1.yaml": (
        f"attestation: S-1\nrole: security-lead\n{_SIGNED}",
        lambda path: read_attestations([path.parent], "1.0.0", _TODAY),
    ),
    "waivers/S-1.yaml": (
        f"waiver: S-1\naccepts: {{bound: 300 ms}}\n{_SIGNED}",
        lambda path: read_waivers([path.parent], "1.0.0", _TODAY),
    ),
}
"""By file name: a file that is right, and who reads it."""

TOKENS: Final = (
    *(
        "\t",
        "\n",
        "\n\n",
        "  ",
        "- ",
        ": ",
        ",",
        "{",
        "}",
        "[",
        "]",
        "[[",
        "'",
        '"',
        "|",
        ">",
        "? ",
        "#",
        "%",
        "@",
        "`",
        "=",
        "~",
    ),
    *(
        "&a ",
        "*a",
        "<<: *a",
        "!!python/object:os.system ",
        "!!binary ",
        "!mine ",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "\\",
        "\\x",
    ),
    *("1:30", "1:30:45.5", ".nan", "-.inf", "1e999", "0x", "0b2", "0o17", "1_000", "9" * 5000, "-" * 50, "2001-13-45"),
    *(
        "0001-01-01t00:00:00+23:59",
        "2001-01-01",
        "yes",
        "null",
        "\ufeff",
        "\u2028",
        "\u0085",
        "\x00",
        "\x07",
        "\ud7ff",
        "\U0001f600",
    ),
    *(
        "[" * 40,
        "{a: " * 200,
        "x" * 5000,
        "../../etc/passwd",
        "/dev/zero",
        "https://[",
        "%s %d {0}",
        "é",
        "-1",
        "0",
        "1.5",
    ),
)


def mutated(text: str, rng: random.Random) -> bytes:
    """The text with one to four changes; in one of ten cases in another encoding, or with bytes that are no text."""
    for _ in range(rng.randint(1, 4)):
        text = rng.choice(_CHANGES)(text, rng)
    match rng.randrange(30):
        case 0:
            return text.encode("utf-16")
        case 1:
            return text.encode("utf-8-sig")
        case 2:
            at = rng.randrange(len(text) + 1)
            return text[:at].encode() + bytes(rng.randrange(256) for _ in range(4)) + text[at:].encode()
    return text.encode()


def _inserted(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(TOKENS) + text[at:]


def _cut(text: str, rng: random.Random) -> str:
    start = rng.randrange(len(text) + 1)
    return text[:start] + text[start + rng.choice([1, 2, 5, 40, len(text)]) :]


def _other_value(text: str, rng: random.Random) -> str:
    """What is behind a colon exchanged."""
    places = list(re.finditer(r"(?<=: )[^\n#{\[][^\n#]*", text))
    if not places:
        return text
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(TOKENS) + text[place.end() :]


def _other_lines(text: str, rng: random.Random) -> str:
    """A line gone, twice, elsewhere, or indented otherwise."""
    lines = text.splitlines(keepends=True) or [""]
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines[one]
    match rng.randrange(4):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, line)
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case _:
            lines[one] = rng.choice([" ", "  ", "\t", "- "]) + line
    return "".join(lines)


def _other_key(text: str, rng: random.Random) -> str:
    """A key misspelt, or another that is there."""
    keys = list(re.finditer(r"[\w-]+(?=:)", text))
    if not keys:
        return text
    key, other = rng.choice(keys), rng.choice(keys)
    return text[: key.start()] + rng.choice([key[0][:-1], other[0], "no", "1", "''", "~"]) + text[key.end() :]


_CHANGES: Final = (_inserted, _cut, _other_value, _other_value, _other_lines, _other_key)


def place_for(folder: Path) -> None:
    """What the files name beside them."""
    shutil.copytree(ROOT / "loadtests", folder, dirs_exist_ok=True)
    for name in READERS:
        (folder / name).parent.mkdir(exist_ok=True)
