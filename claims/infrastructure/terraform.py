"""Terraform: what the files declare, without a provider, a state or a plan. A value that the files alone do not show is unknown, not wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from glob import has_magic
from pathlib import Path
from typing import Any, Final

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import expanded, files_of, named, shown
from harness.errors import ConfigurationError

from .hcl import blocks_of, is_terraform, labelled, parsed
from .modules import Resource, TerraformModule

_INSTALLED: Final = re.compile(r"(?:^|.*/)\.terraform/modules/(?P<key>[^/]+)(?:/(?P<below>.*))?")
"""The directory of a module that `terraform get` has brought; its key is `NAME`, or `CALLER.NAME` of one that a module calls."""
_BELOW: Final = re.compile(r"(?<!:)//(?P<below>[^?]*)")
"""In the source of a module: the directory of its code below what is brought."""
_BRING: Final = "run `terraform get`, and name each directory of its code under `files.terraform`, as `terraform/.terraform/modules/NAME`"


class Terraform:
    """All Terraform files of a target; each directory is a module.

    Args:
        asked: the demand; its target names the files under `files.terraform`.

    Raises:
        ConfigurationError: there are no files, or one cannot be parsed.
    """

    def __init__(self, asked: Asked) -> None:
        self.where = f"{asked.target.file}: files.terraform"
        self.modules: dict[Path, TerraformModule] = {}
        self._absent: list[tuple[TerraformModule, Mapping[str, Any], str]] = []
        values: dict[Path, Mapping[str, Any]] = {}
        read = list(dict.fromkeys(files_of(named(asked, "terraform"), is_terraform)))
        for path in sorted(read, key=_is_override):
            if _of_opentofu(path) != path and _of_opentofu(path) in read:
                continue  # OpenTofu reads `main.tofu` in place of `main.tf`
            text, content = parsed(path)
            asked.keep(path)
            if path.name.removesuffix(".json").endswith(".tfvars"):
                values |= {} if _INSTALLED.fullmatch(path.parent.as_posix()) else {path: content}
            else:
                self._add(self.modules.setdefault(path.parent, TerraformModule()), content, text, shown(path, asked))
        if not any(module.resources for module in self.modules.values()):
            raise ConfigurationError("declares no resource", where=self.where, hint="name the directory of the `*.tf`")
        self._link()
        roots = {directory: module for directory, module in self.modules.items() if not module.callers}
        chosen = _chosen(asked)
        for directory, module in roots.items():
            loads = any(path.parent == directory and _is_loaded(path) for path in values)
            module.applied |= len(roots) == 1 or loads or directory in chosen
        self._give(roots, values, chosen, asked)

    def _give(
        self,
        roots: Mapping[Path, TerraformModule],
        values: Mapping[Path, Mapping[str, Any]],
        chosen: frozenset[Path],
        asked: Asked,
    ) -> None:
        """Give variables the values of the files that are loaded; one that a file beside them sets otherwise is unknown.

        A file of values in a directory without Terraform may be of any module that none calls.
        """
        for directory, module in roots.items():
            near = [path for path in values if path.parent == directory or path.parent not in self.modules]
            loaded = [path for path in near if path.parent == directory and _is_loaded(path)]
            picked = [path for path in near if path in chosen and path not in loaded]
            for path in [*sorted(loaded, key=_turn), *picked]:  # a later one has the last word
                module.settings.update(_settings("var", values[path]))
            for path in near if not picked else ():
                for name, value in _settings("var", values[path]).items() if path not in loaded else ():
                    if name not in module.otherwise and module.value(value) != module.value(name):
                        module.otherwise[name] = shown(path, asked)

    def _add(self, module: TerraformModule, content: Mapping[str, Any], text: str, file: str) -> None:
        for kind, names in labelled(content, "resource"):
            for name, body in labelled({"resource": names}, "resource"):
                if name.startswith("__"):
                    continue
                line = _line(text, f'resource "{kind}" "{name}"')
                found = Resource(kind=kind, name=name, body=body, place=f"{file}:{line}", module=module)
                if _is_override(Path(file)):
                    _override(module, found)
                else:
                    module.resources.append(found)
        for name, body in labelled(content, "variable"):
            if "default" in body:
                module.settings[f"var.{name}"] = body["default"]
        for block in blocks_of(content, "locals"):
            module.settings.update(_settings("local", block))
        for name, body in labelled(content, "module"):
            module.calls[name] = {**module.calls.get(name, {}), **body}
        module.applied |= "provider" in content or any(
            {"backend", "cloud"} & block.keys() for block in blocks_of(content, "terraform")
        )

    def _link(self) -> None:
        """Tell each module who calls it; of what `terraform get` brought, examples say, what nothing calls is left out."""
        reached = [directory for directory in self.modules if not _INSTALLED.fullmatch(directory.as_posix())]
        for directory in reached:  # it grows
            reached += [one for one in self._call(directory, self.modules[directory]) if one not in reached]
        self.modules = {directory: self.modules[directory] for directory in reached}

    def _call(self, directory: Path, module: TerraformModule) -> Iterator[Path]:
        """The directories of the modules that a module calls."""
        for name, body in module.calls.items():
            source = str(module.value(body.get("source")))
            called = self._called(directory, name, source)
            if called is None:
                self._absent.append((module, body, f"the code of module `{name}` ({source}) is not in these files"))
            elif called != directory:
                self.modules[called].callers.append((module, body))
                yield called

    def _called(self, directory: Path, name: str, source: str) -> Path | None:
        """The directory of the module that a call names; None where it is not among the files."""
        if source.startswith("."):
            local = Path(_normal(directory / source))
            return local if local in self.modules else None
        below = _BELOW.search(source)
        fits = [one for one in self.modules if _is_installed(one, name, below["below"] if below else "")]
        return fits[0] if len(fits) == 1 else None

    def elsewhere(self, expected: str) -> Iterator[FactReading]:
        """One fact per module that is called and may declare more of a kind, since its code is not in these files."""
        for module, body, why in self._absent:
            if module.times(body) != 0:
                yield FactReading(subject=self.where, expected=expected, observed=f"{why}; hint: {_BRING}", ok=None)

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds."""
        return [one for module in self.modules.values() for one in module.of(*kinds)]

    def required(self, kind: str) -> list[Resource]:
        """The resources of a kind; raises ConfigurationError where none is declared."""
        found = self.of(kind)
        if not found:
            absent = next((f", and {why}" for _, _, why in self._absent), "")
            hint = _BRING if absent else "name every directory of the Terraform configuration"
            raise ConfigurationError(f"declares no `{kind}`{absent}", where=self.where, hint=hint)
        return found


def _chosen(asked: Asked) -> frozenset[Path]:
    """What the target file names itself, without a pattern: directories that are applied, and files of values."""
    base, written = asked.target.file.parent, asked.target.files.terraform
    found = [path for text in written or () if not has_magic(text) for path in expanded(base, text, "")]
    return frozenset(path.parent if path.suffix in (".tf", ".tofu") else path for path in found)


def _is_installed(directory: Path, name: str, below: str) -> bool:
    """Whether a directory is the code of a module that a call of this name has brought."""
    found = _INSTALLED.fullmatch(directory.as_posix())
    return found is not None and found["key"].rpartition(".")[2] == name and (found["below"] or "") == below


def _is_loaded(path: Path) -> bool:
    """Whether Terraform loads a file of values by itself."""
    plain = path.name.removesuffix(".json")
    return plain == "terraform.tfvars" or plain.endswith(".auto.tfvars")


def _turn(path: Path) -> tuple[bool, str]:
    """When a file of values is loaded."""
    return path.name.removesuffix(".json") != "terraform.tfvars", path.name


def _is_override(path: Path) -> bool:
    """Whether a file is merged over the others of its directory."""
    return path.name.partition(".")[0] == "override" or path.name.partition(".")[0].endswith("_override")


def _of_opentofu(path: Path) -> Path:
    return path.with_name(re.sub(r"\.tf(?=$|\.json$)", ".tofu", path.name))


def _override(module: TerraformModule, over: Resource) -> None:
    """Merge a resource of an override file over the declared one: its arguments, and all blocks of one kind together, replace those."""
    for at, one in enumerate(module.resources):
        if one.address == over.address:
            module.resources[at] = replace(one, body={**one.body, **over.body})
            return
    hint = "an override file only changes resources that another file declares"
    raise ConfigurationError(f"overrides {over.address}, which no other file declares", where=over.place, hint=hint)


def _settings(of: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{of}.{name}": value for name, value in content.items() if not name.startswith("__")}


def _normal(path: Path) -> str:
    import os.path

    return os.path.normpath(path)


def _line(text: str, label: str) -> int:
    pattern = r"\s+".join(re.escape(word) for word in label.split())
    kind, name = (re.escape(word) for word in label.split()[1:])
    found = re.search(rf"^[ \t]*{pattern}", text, re.MULTILINE) or re.search(rf"{kind}\s*:[^}}]*?{name}\s*:", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
