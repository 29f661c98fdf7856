"""Dockerfiles: which image each stage starts from; and what a built image reports of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown, text_of
from harness.errors import ConfigurationError

_DIRECTIVE: Final = re.compile(r"#\s*escape\s*=\s*(?P<escape>[\\`])\s*$", re.IGNORECASE)
_HEREDOC: Final = re.compile(
    r"(?<!\S)\d*<<-?\s*(?P<quote>[\"']?)(?P<word>[A-Za-z_]\w*)(?P=quote)|(?<!\\)(?:\"(?:\\.|[^\"\\])*\"|'[^']*')"
)
"""A here-document, with its `word`, or another text in quotes."""
_ARGUMENT: Final = re.compile(r"(?P<name>\w+)(?:=(?P<value>(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s\"'])*))?")
_FILE: Final = re.compile(r"(?:dockerfile|containerfile)(?:\..*|[-_][^.]*)?|.*\.(?:dockerfile|containerfile)")
"""Names, in small letters; what follows `-` or `_` has no ending, which `dockerfile-guide.md` has."""
_WORD: Final = re.compile(r"[A-Za-z]+")
_VARIABLE: Final = re.compile(r"\$(?:\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}|(?P<short>\w+))")
_KNOWN: Final = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
_MOVING: Final = frozenset({"", "latest", "lts", "current"})
"""Tags of whatever version is the newest; a word beside them, such as `iron`, may be that of one version."""
_NODE: Final = re.compile(r"\b(?:node|npm|npx|yarn|pnpm)\b")
_RUNNER: Final = re.compile(
    r"\b(?:pm2(?:-\w+)?|ts-node|tsx|nodemon|corepack|(?:next|nest|nuxt|nuxi) (?:start|preview))\b|\.[cm]?js\b"
)
"""What a command of a service on Node.js is, beside Node.js itself: a runner of it, or a file of JavaScript."""
_OTHERS: Final = re.compile(
    r"python|pypy|golang|go|rust|ruby|jruby|php|perl|java|jdk|jre|openjdk|temurin|corretto|zulu|graalvm|gradle|maven|"
    r"kotlin|scala|sbt|dotnet|aspnet|swift|dart|flutter|elixir|erlang|haskell|julia|deno|bun|tomcat|jetty|wildfly|quarkus|"
    r"nginx|httpd|apache|caddy|traefik|haproxy|envoy|varnish|squid|kong|postgres|postgresql|postgis|mysql|mariadb|redis|"
    r"valkey|memcached|mongo|mongodb|cassandra|clickhouse|elasticsearch|opensearch|kibana|logstash|influxdb|etcd|"
    r"zookeeper|kafka|redpanda|rabbitmq|nats|mosquitto|minio|vault|consul|keycloak|grafana|prometheus|alertmanager|loki|"
    r"tempo|jaeger|otel|exporter|fluentd|fluentbit|vector|ipfs|kubo|terraform|helm|kubectl"
)
"""Words of images that plainly are of another language or program."""
_OTHER_COMMAND: Final = re.compile(
    r"\b(?:python[\d.]*|pip3?|poetry|gunicorn|uvicorn|celery|go (?:build|run|install|mod)|cargo|java|mvn|gradlew?|dotnet|ruby|bundle|"
    r"puma|php(?:-fpm)?|composer|nginx|httpd|caddy|haproxy|postgres|mysqld|redis-server|mongod)\b|\.(?:py|jar|war|dll|rb|php)\b"
)
"""Commands of another language or program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """One instruction: its word in capitals, the rest of it as one line, and the line it begins in, from 1."""

    word: str
    rest: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One build stage.

    Attributes:
        name: after AS; empty for none. image: it starts from, arguments filled in. line: of its FROM.
        base: the earlier stage it starts from. instructions: after its FROM.
    """

    name: str
    image: str
    line: int
    base: Stage | None = None
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """The image from which a stage starts, through earlier stages."""
        return self.base.origin if self.base else self.image


def instructions(text: str, where: str) -> list[Instruction]:
    """The instructions of a Dockerfile: comments gone, continued lines joined, here-documents left out.

    Raises:
        ConfigurationError: a line is not an instruction, a here-document has no end, or there is no FROM.
    """
    lines = text.splitlines()
    escape, found, at = _escape(lines), [], 0
    while at < len(lines):
        start, joined = at, ""
        while at < len(lines):
            line, at = lines[at], at + 1
            if line.lstrip().startswith("#") or (joined and not line.strip()):
                continue  # a comment, or an empty line, between continued lines
            more = line.rstrip().endswith(escape)
            joined += line.rstrip().removesuffix(escape) if more else line
            if not more:
                break
        if not joined.strip():
            continue
        start = next(number for number in range(start, at) if _is_text(lines[number]))
        word, _, rest = joined.strip().partition(" ")
        word, tabbed, more_rest = word.partition("\t")
        if not _WORD.fullmatch(word) or word.upper() not in _KNOWN:
            raise ConfigurationError(
                f"`{word[:40]}` is not an instruction",
                where=f"{where}:{start + 1}",
                hint="name Dockerfiles only; their instructions are in the Dockerfile reference",
            )
        found.append(
            Instruction(
                word=word.upper(), rest=f"{more_rest} {rest}".strip() if tabbed else rest.strip(), line=start + 1
            )
        )
        if word.upper() in ("RUN", "COPY", "ADD"):
            at = _after_heredocs(lines, at, joined, f"{where}:{start + 1}")
    if not any(one.word == "FROM" for one in found):
        raise ConfigurationError("has no FROM", where=f"{where}:1", hint="name Dockerfiles only")
    return found


def _is_text(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _escape(lines: Sequence[str]) -> str:
    for line in lines:
        if not line.startswith("#"):
            break
        if found := _DIRECTIVE.match(line):
            return found["escape"]
    return "\\"


def _after_heredocs(lines: Sequence[str], at: int, instruction: str, where: str) -> int:
    for found in _HEREDOC.finditer(instruction):
        if found["word"] is None:
            continue
        end = next((number for number in range(at, len(lines)) if lines[number].strip() == found["word"]), None)
        if end is None:
            raise ConfigurationError(f"the here-document `{found['word']}` has no end", where=where)
        at = end + 1
    return at


def stages(text: str, where: str) -> list[Stage]:
    """The build stages of a Dockerfile, in order; raises ConfigurationError as `instructions`, and for a FROM without an image."""
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for one in instructions(text, where):
        if one.word == "ARG" and not found:
            for given in _ARGUMENT.finditer(one.rest):
                arguments[given["name"]] = _filled(re.sub("[\"']", "", given["value"] or ""), arguments)
        elif one.word == "FROM":
            words = [word for word in one.rest.split() if not word.startswith("--")]
            if not words:
                raise ConfigurationError("FROM names no image", where=f"{where}:{one.line}")
            image = _filled(words[0], arguments)
            base = next((stage for stage in found if stage.name and stage.name == image.lower()), None)
            name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
            found.append(Stage(name=name, image=image, line=one.line, base=base))
        elif found:
            found[-1].instructions.append(one)
    return found


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    """The text with its arguments; one without a value stays as it is written."""

    def value(match: re.Match[str]) -> str:
        return arguments.get(match["name"] or match["short"], "") or match["default"] or match[0]

    return _VARIABLE.sub(value, text)


@claim(
    "every image of a Node.js service starts from <image> and reports version <version:count>",
    needs=("files.dockerfiles",),
    example="every image of a Node.js service starts from node:20 and reports version 20",
)
def node_images(asked: Asked) -> Sequence[FactReading]:
    """Facts: FROM of each Dockerfile of a Node.js service, and NODE_VERSION of each image as `docker image inspect` prints it."""
    found = []
    services = 0
    for path in files_of(named(asked, "dockerfiles"), _is_dockerfile):
        built = stages(text_of(path), str(path))
        if (of_node := _is_of_node(built)) is False:
            continue
        asked.keep(path)
        if of_node is None:
            found.append(_unplaced(built[-1], path, asked))
            continue
        services += 1
        last = built[-1]
        found += [
            _from(stage, path, asked)
            for stage in built
            if stage.base is None and (_has_node(stage.image) or last.origin == stage.image)
        ]
    if not found:
        raise ConfigurationError(
            "there is no Dockerfile of a Node.js service", where=f"{asked.target.file}: files.dockerfiles"
        )
    return [*found, *(_reports(asked, services) if services else ())]


def _is_dockerfile(path: Path) -> bool:
    """Whether a file is one by its name: `Dockerfile`, `Dockerfile.api`, `Dockerfile-api`, `api.Dockerfile`; not what a build ignores."""
    name = path.name.lower()
    return not name.endswith(".dockerignore") and _FILE.fullmatch(name) is not None


def _is_of_node(built: Sequence[Stage]) -> bool | None:
    """Whether a service runs on Node.js: by its base image, its command or the installed packages; None if nothing says it.

    What the final stage is of goes before what other stages are of, which may only build.
    """
    final = [built[-1]]
    while (base := final[-1].base) is not None:
        final.append(base)
    run = [one for stage in final for one in stage.instructions if one.word in ("CMD", "ENTRYPOINT", "RUN")]
    if _has_node(final[-1].image) or any(_NODE.search(one.rest) for one in run):
        return True
    if _is_of_others(final[-1].image):
        return False
    if any(_RUNNER.search(re.sub(r"[\"',\s]+", " ", one.rest)) for one in run if one.word != "RUN"):
        return True
    if any(_OTHER_COMMAND.search(one.rest) for one in run):
        return False
    of_node = any(_has_node(stage.image) for stage in built)
    of_others = any(_is_of_others(stage.image) for stage in built)
    if of_node and not of_others and final[-1].image != "scratch":
        return True
    return False if of_others and not of_node else None


def _has_node(image: str) -> bool:
    """Whether an image has Node.js by its name: `node`, `lambda/nodejs`, `distroless/nodejs18-debian12`."""
    return _repository(image) == "node" or "nodejs" in _words(image)


def _is_of_others(image: str) -> bool:
    return any(_OTHERS.fullmatch(word) for word in _words(image))


def _words(image: str) -> list[str]:
    """The words of an image's path, without its registry, tag and digest."""
    host, slash, rest = image.partition("@")[0].partition("/")
    path = rest if slash and re.search(r"[.:]", host) else image.partition("@")[0]
    return re.findall(r"[a-z]+", path.partition(":")[0])


def _unplaced(last: Stage, path: Path, asked: Asked) -> FactReading:
    command = next((one for one in reversed(last.instructions) if one.word in ("CMD", "ENTRYPOINT")), None)
    runs = f"{command.word} {command.rest[:60]}" if command else "no command"
    words = (
        f"{last.origin} with {runs}: neither says whether it is a service on Node.js; hint: name under `files.dockerfiles` those of "
        "services on Node.js alone, or give this one a command that begins with `node`"
    )
    return FactReading(
        subject=f"{shown(path, asked)}:{last.line} FROM", expected=asked.params["image"], observed=words, ok=None
    )


def _repository(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _from(stage: Stage, path: Path, asked: Asked) -> FactReading:
    name, _, version = asked.params["image"].partition(":")
    tag = stage.image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    says = re.match(r"\d", tag) is not None or (tag.partition("-")[0] in _MOVING and "@" not in stage.image)
    unknown = "$" in stage.image or (_repository(stage.image) == name and not says)
    fits = _repository(stage.image) == name and re.fullmatch(rf"{re.escape(version)}(?:[.-].*)?", tag) is not None
    return FactReading(
        subject=f"{shown(path, asked)}:{stage.line} FROM",
        expected=asked.params["image"],
        observed=f"{stage.image}, whose version is not written there" if unknown else stage.image,
        ok=None if unknown else fits,
    )


def _reports(asked: Asked, services: int) -> list[FactReading]:
    """Facts about the versions that built images report: the files under `files.images`, as `docker image inspect` prints them."""
    expected = f"Node.js {asked.params['version']}"
    if not asked.target.files.images:
        words = f"no built image reports its version ({services} Dockerfiles); hint: add `files: {{images: …}}`, as `docker image inspect` prints them"
        return [FactReading(subject="built images", expected=expected, observed=words, ok=None)]
    seen: list[FactReading] = []
    for path in files_of(named(asked, "images"), lambda path: path.suffix == ".json"):
        asked.keep(path)
        reported = [_reported(config, shown(path, asked), asked) for config in _configurations(path)]
        seen += [one for one in reported if one is not None]
    if len(seen) < services:
        words = f"{len(seen)} images of Node.js report a version, {services} Dockerfiles build one"
        seen.append(FactReading(subject="built images", expected=f"{services} reports", observed=words, ok=None))
    return seen


def _configurations(path: Path) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise ConfigurationError(
            "is not JSON", where=f"{path}:{line}", hint="save what `docker image inspect` prints"
        ) from error
    listed = content if isinstance(content, list) else [content]
    if not all(isinstance(one, dict) and isinstance(one.get("Config"), dict) for one in listed):
        raise ConfigurationError(
            "is not an image's configuration: it has no `Config`",
            where=f"{path}:1",
            hint="save what `docker image inspect` prints",
        )
    return listed


def _texts(value: Any) -> list[str]:
    """The texts of a list, or the one text."""
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, str)]


def _reported(image: Mapping[str, Any], file: str, asked: Asked) -> FactReading | None:
    """The version of Node.js in an image's environment; None for an image of something else."""
    config = image["Config"]
    words = [*_texts(config.get("Entrypoint")), *_texts(config.get("Cmd"))]
    versions = [one.partition("=")[2] for one in _texts(config.get("Env")) if one.startswith("NODE_VERSION=")]
    if not versions and not any(_NODE.search(word) or _RUNNER.search(word) for word in words):
        return None
    name = next(iter(_texts(image.get("RepoTags"))), str(image.get("Id", "image"))[:19])
    return FactReading(
        subject=f"{file}: {name}",
        expected=f"Node.js {asked.params['version']}",
        observed=f"NODE_VERSION {versions[0]}" if versions else "the image reports no NODE_VERSION",
        ok=f"{versions[0].removeprefix('v')}.".startswith(f"{asked.params['version']}.") if versions else None,
    )
