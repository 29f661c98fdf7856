"""A Helm chart: which files it has, and whether it renders. Rendering needs `helm`, which is asked for in a directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from harness.drivers.claim import SentenceForm, claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown
from harness.errors import ConfigurationError
from harness.yamlfile import read_documents

CHART_FILES: Final = ("Chart.yaml", "values.yaml")
CHART_TEMPLATES: Final = (
    "frontend-deployment.yaml",
    "backend-deployment.yaml",
    "database-statefulset.yaml",
    "redis-statefulset.yaml",
    "ipfs-statefulset.yaml",
    "ingress.yaml",
    "configmap.yaml",
    "secrets.yaml",
    "service.yaml",
)
CHART_SUBCHARTS: Final = ("prometheus", "grafana")
"""What the deployment architecture names as parts of the platform's chart."""

_WITHIN_S: Final = 30.0
_LARGEST: Final = 1 << 23
"""Bytes of what helm renders."""
NO_HELM: Final = (
    "`helm` is not on PATH, so the chart was not rendered; "
    "hint: install Helm 3 where the harness runs, such as by `pip install 'readiness-harness[helm]'`"
)

_INCOMPATIBLE: Final = "which is incompatible with Kubernetes"
"""What helm says of a chart whose `kubeVersion` leaves out the version that this helm renders for, which is not the target's."""
_NEWER_HELM: Final = "hint: install a release of Helm that renders for the version that the chart is for"


def chart_of(asked: Asked) -> Path:
    """The chart's directory; raises ConfigurationError if the target file names none, or several."""
    [root, *others] = named(asked, "chart")
    if others or not root.is_dir():
        raise ConfigurationError(
            "is not one directory", where=f"{asked.target.file}: files.chart", hint="name the directory with Chart.yaml"
        )
    for path in files_of([root], lambda _path: True):
        asked.keep(path)
    return root


_CHART: Final = SentenceForm(
    "chart",
    "the chart renders <parts:noun>",
    "The files of the chart, which `helm template` renders if helm is installed.",
)


@claim(
    _CHART,
    "and contains Chart.yaml, values.yaml, the <templates:count> named templates and the <subcharts:count> named subcharts",
    needs=("files.chart",),
    example="the chart renders and contains Chart.yaml, values.yaml, the 9 named templates and the 2 named subcharts",
)
def chart_parts(asked: Asked) -> Sequence[FactReading]:
    """Facts: the files of the chart exist, and `helm template` renders it, if helm is installed."""
    named_here = {"templates": len(CHART_TEMPLATES), "subcharts": len(CHART_SUBCHARTS)}
    if wrong := [key for key, count in named_here.items() if int(asked.params[key]) != count]:
        raise ConfigurationError(f"{named_here[wrong[0]]} {wrong[0]} are named, not {asked.params[wrong[0]]}")
    root = chart_of(asked)
    parts = [*CHART_FILES, *(f"templates/{name}" for name in CHART_TEMPLATES)]
    seen = [_part(root, part, asked) for part in parts]
    seen += [_subchart(root, name, asked) for name in CHART_SUBCHARTS]
    return [*seen, _rendered(root, (), asked)]


def _part(root: Path, part: str, asked: Asked) -> FactReading:
    path = root / part
    there = path.is_file() and bool(path.read_bytes()[:_LARGEST].strip())
    return FactReading(
        subject=shown(path, asked),
        expected="a file with text",
        observed="there" if there else "empty" if path.is_file() else "missing",
        ok=there,
    )


def _subchart(root: Path, name: str, asked: Asked) -> FactReading:
    """A subchart is a directory with a Chart.yaml, or an archive `NAME-VERSION.tgz`."""
    directory = root / "charts" / name
    archives = sorted((root / "charts").glob(f"{name}-*.tgz"))
    there = (directory / "Chart.yaml").is_file() or bool(archives)
    found = archives[0].name if archives and not directory.is_dir() else "there" if there else "missing"
    return FactReading(subject=shown(directory, asked), expected="a subchart", observed=found, ok=there)


@claim(
    _CHART,
    "with each of values-<one:environment>.yaml and values-<other:environment>.yaml",
    needs=("files.chart",),
    example="the chart renders with each of values-staging.yaml and values-production.yaml",
)
def chart_values(asked: Asked) -> Sequence[FactReading]:
    """Facts: each values file exists in the chart or beside it, and `helm template` renders the chart with it, if helm is installed."""
    root = chart_of(asked)
    seen = []
    for environment in (asked.params["one"], asked.params["other"]):
        names = [root / f"values-{environment}.yaml", root.parent / f"values-{environment}.yaml"]
        path = next((one for one in names if one.is_file()), None)
        if path is None:
            seen.append(
                FactReading(subject=shown(names[0], asked), expected="a values file", observed="missing", ok=False)
            )
            continue
        asked.keep(path)
        read_documents(path)  # a values file that is not YAML is an error of its own, with its line
        seen.append(FactReading(subject=shown(path, asked), expected="a values file", observed="there", ok=True))
        seen.append(_rendered(root, (path,), asked))
    return seen


def _helm() -> str | None:
    """The `helm` on PATH, or else the one that is installed beside this Python."""
    places = (os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts"))
    return shutil.which("helm", path=os.pathsep.join(places))


def _rendered(root: Path, values: Sequence[Path], asked: Asked) -> FactReading:
    title = f"{shown(root, asked)} rendered" + "".join(f" with {path.name}" for path in values)
    fact, helm = partial(FactReading, subject=title, expected="manifests"), _helm()
    if helm is None:
        return fact(observed=NO_HELM, ok=None)
    with tempfile.TemporaryDirectory(prefix="readiness-helm-") as home:
        command = [
            helm,
            "template",
            "readiness",
            str(root.resolve()),
            *(word for path in values for word in ("-f", str(path.resolve()))),
        ]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=_WITHIN_S,
                check=False,
                cwd=home,
                env=_environment(home),
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return fact(observed=f"helm did not end within {_WITHIN_S:g} s", ok=None)
        except OSError as error:
            return fact(observed=f"helm could not be started: {error.strerror}", ok=None)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        words = next((line for line in lines if line.startswith("Error:")), lines[0] if lines else "")[:300]
        for_another = _INCOMPATIBLE in words
        observed = f"{words}; {_NEWER_HELM}" if for_another else words or f"helm ended with {done.returncode}"
        return fact(observed=observed, ok=None if for_another else False)
    return _objects(title, done.stdout)


def _environment(home: str) -> Mapping[str, str]:
    """The environment of helm: empty directories of its own, and no cluster."""
    own = {f"HELM_{name}_HOME": f"{home}/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA")}
    return {**own, "HOME": home, "PATH": os.environ.get("PATH", ""), "KUBECONFIG": f"{home}/none"}


def _objects(title: str, rendered: bytes) -> FactReading:
    fact = partial(FactReading, subject=title, expected="manifests")
    if len(rendered) > _LARGEST:
        return fact(observed=f"more than {_LARGEST} bytes", ok=None)
    try:
        objects = [one for one in yaml.safe_load_all(rendered) if one]
    except (yaml.YAMLError, ValueError) as error:
        return fact(observed=f"not YAML: {str(error).splitlines()[0]}", ok=False)
    good = bool(objects) and all(isinstance(one, dict) and one.get("kind") for one in objects)
    return fact(observed=f"{len(objects)} objects" if good else "no objects", ok=good)
