"""The pod template or selector of the candidate and of the release before it.

The candidate comes from its own manifests, or from the release in tags and labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.manifests import declared
from harness.errors import ConfigurationError, DriverError
from harness.targets.cluster.selectors import selector_text
from harness.targets.cluster.workloads import DEPLOYMENT, ROLLOUT, referred

if TYPE_CHECKING:
    from harness.model.planned.rollout import RolloutPlan
    from harness.targets import Target
    from harness.targets.kubernetes import Object

Replaced = dict[str, Any]
"""The part of an object that a rollout replaces, a pod template or a selector."""
_CONTAINERS: Final = ("initContainers", "containers")
"""Keys of a pod template with containers."""


def candidate_template(
    plan: RolloutPlan, target: Target, namespace: str, name: str, present: Replaced, *, release: str
) -> Replaced:
    """The template or selector of the candidate. It replaces `present`, which runs `release`.

    Raises:
        ConfigurationError: the manifests do not contain the object.
        DriverError: no tag or label of the object names a release, so that both templates would be equal.
    """
    settings = target.rollout
    if settings is not None and settings.manifests:
        return _declared(
            target.beside(settings.manifests.replace("{candidate}", plan.candidate)), plan, namespace, name
        )
    made = relabelled(present, settings.label if settings is not None else "version", plan.candidate, release)
    if made == present:
        raise DriverError(
            f"{plan.kind} {namespace}/{name} would not change for release {plan.candidate}: no image tag and no label contains a release",
            hint="write `rollout: {manifests: …}` into the target file, with the manifests of the candidate",
        )
    return made


def relabelled(present: Replaced, label: str, candidate: str, release: str = "") -> Replaced:
    """A pod template or selector with the candidate as image tag and as value of the release label.

    If some images have the running release (its name or its label) as tag, only these images change: the other images
    belong to another product, such as a proxy. Otherwise all images get the candidate's tag.
    """
    if "spec" not in present:
        return {**present, label: candidate} if label in present else dict(present)
    metadata, spec = dict(present.get("metadata") or {}), dict(present["spec"])
    labels = metadata.get("labels") or {}
    if label in labels:
        metadata["labels"] = {**labels, label: candidate}
    running = {release, labels.get(label, "")} - {""}
    named = [one for one in spec["containers"] if _tag(str(one["image"])) in running] or spec["containers"]
    spec["containers"] = [
        {**one, "image": _tagged(str(one["image"]), candidate)} if one in named else one for one in spec["containers"]
    ]
    return {**present, **({"metadata": metadata} if metadata else {}), "spec": spec}


def images_of(template: Replaced) -> list[str]:
    """The texts that name the release: the images of a pod template, or the selector as text."""
    return list(containers_of(template).values())


def containers_of(template: Replaced) -> dict[str, str]:
    """The image of each container of a pod template by container name; the text of a selector."""
    if template and "spec" not in template:
        return {"selector": selector_text(template)}
    spec = template.get("spec") or {}
    every = [one for key in _CONTAINERS for one in spec.get(key) or []]
    return {str(one.get("name", "")): str(one.get("image", "")) for one in every}


def without_images(template: Replaced) -> Replaced:
    """A pod template without the images of its containers."""
    spec = template.get("spec") or {}
    bare = {key: [{**one, "image": ""} for one in spec[key]] for key in _CONTAINERS if spec.get(key)}
    return {**template, "spec": {**spec, **bare}}


def same_image(one: str, other: str) -> bool:
    """Whether two images are equal, or differ only by a digest that admission added to one of them."""
    return one == other or one.partition("@")[0] == other or other.partition("@")[0] == one


def covers(now: Mapping[str, str], part: Mapping[str, str]) -> bool:
    """Whether the first template has every container of `part`, with equal images."""
    return all(name in now and same_image(now[name], image) for name, image in part.items())


def equal(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether both have the same containers with equal images."""
    return one.keys() == other.keys() and covers(one, other)


def foreign_images(template: Replaced, known: Iterable[str]) -> list[str]:
    """The images of a pod template, or the selector, that are not `known` and come from others."""
    expected = list(known)
    return sorted({one for one in images_of(template) if not any(same_image(one, each) for each in expected)})


def _tag(image: str) -> str:
    """`1.0.0` of `registry:5000/shop/cart:1.0.0`; empty where it has none."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _tagged(image: str, tag: str) -> str:
    """`registry:5000/shop/cart:1.0.0` with another tag; what is named by digest has none, and gets one instead of it."""
    path, _, rest = image.partition("@")[0].rpartition("/")
    name = rest.partition(":")[0]
    return f"{path}/{name}:{tag}" if path else f"{name}:{tag}"


def _declared(path: Path, plan: RolloutPlan, namespace: str, name: str) -> Replaced:
    """The template of the object of that kind and name in the manifests; a manifest without a namespace applies to all.

    For a Rollout that refers to a Deployment it is the template of the Deployment; the manifests need not repeat an
    unchanged Rollout.
    """
    every = [one for one in declared([path]) if one.namespace in ("", namespace)]
    found = [one for one in every if one.kind == plan.kind and one.name == name]
    if plan.kind == ROLLOUT:
        named = [referred(one.content) for one in found] or [name]
        found += [one for one in every if one.kind == DEPLOYMENT and one.name in named]
    key = "selector" if plan.kind == "Service" else "template"
    for one in sorted(found, key=lambda one: not one.namespace):
        template = (one.content.get("spec") or {}).get(key)
        if isinstance(template, dict):
            return template
    raise ConfigurationError(
        f"the manifests have no {plan.kind} {name} with `spec.{key}` for the candidate {plan.candidate}",
        where=str(path),
        hint="add the objects of the candidate, with the names in `rollout`",
    )


def previous(sets: Sequence[Object], revision: str, hash_label: str, subject: str) -> Replaced:
    """The template of the ReplicaSet with the second highest revision, without the controller's label.

    Raises:
        DriverError: there is no second revision.
    """

    def number(one: Object) -> int:
        text = str((one["metadata"].get("annotations") or {}).get(revision, ""))
        return int(text) if text.isdigit() else 0

    known = sorted((one for one in sets if number(one)), key=number, reverse=True)
    if len(known) < 2:
        raise DriverError(
            f"no rollout history found for {subject}",
            hint="set `revisionHistoryLimit` above 0, so that old ReplicaSets are kept",
        )
    template = dict(known[1]["spec"]["template"])
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != hash_label}
    return {**template, "metadata": {**metadata, "labels": labels}}


def with_name(value: Any, name: str) -> Any:
    """A value of the target file with `{name}` replaced by the name of an object."""
    if isinstance(value, Mapping):
        return {key: with_name(item, name) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_name(item, name) for item in value]
    return value.replace("{name}", name) if isinstance(value, str) else value


def owned(obj: Object, kind: str, name: str) -> bool:
    """Whether an object is owned by the object of the given kind and name."""
    owners: Iterable[Mapping[str, Any]] = obj["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == kind and owner.get("name") == name for owner in owners)
