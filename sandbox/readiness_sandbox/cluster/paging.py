"""Lists in pages: `limit`, and `continue`, the token with which the next page is asked for.

A token has the form of a genuine API server's: the version of the first page, and the key at which to go on. All pages show
the objects as they were at that version, as far as the store's ring of changes reaches back.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.statuses import Object, StatusError, bad_request, expired_page

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Store
    from readiness_sandbox.cluster.watch import Filter

Key = tuple[str, str]
FORM: Final = "meta.k8s.io/v1"
PRESENT: Final = -1
"""The version in a token that goes on with the objects as they are now."""


def page(store: Store, selection: Filter, limit: int, token: str) -> tuple[list[Object], Object]:
    """The objects of one page, and the metadata of their list.

    Args:
        store: where the objects are.
        selection: which.
        limit: so many at most; 0 for all.
        token: from the metadata of the page before, empty for the first one.

    Raises:
        StatusError: 400, this is no token; 410, its version is too old, with a token that goes on with the present.
    """
    version, begin = _place(token, selection.namespace) if token else (PRESENT, ("", ""))
    if version == PRESENT:
        of = {"labels": selection.labels, "fields": selection.fields}
        version, found = store.resource_version, store.list(selection.kind, selection.namespace, **of)
    else:
        try:
            found = _at(store, selection, version)
        except StatusError:
            raise expired_page(_token(PRESENT, begin, selection.namespace)) from None
    if token:
        found = [obj for obj in found if _key(obj) >= begin]
    return _cut(found, selection, limit, version)


def page_at(store: Store, selection: Filter, limit: int, version: int) -> tuple[list[Object], Object]:
    """The first page of the objects as they were at a version, and the metadata of their list. Raises StatusError 410."""
    return _cut(_at(store, selection, version), selection, limit, version)


def _at(store: Store, selection: Filter, version: int) -> list[Object]:
    return store.list_at(version, selection.kind, selection.namespace, labels=selection.labels, fields=selection.fields)


def _cut(found: list[Object], selection: Filter, limit: int, version: int) -> tuple[list[Object], Object]:
    """The first `limit` of these objects, all for 0, and the metadata of their list."""
    metadata: Object = {"resourceVersion": str(version)}
    if not 0 < limit < len(found):
        return found, metadata
    namespace, name = _key(found[limit - 1])
    metadata["continue"] = _token(version, (namespace, f"{name}\0"), selection.namespace)
    if not (selection.labels or selection.fields):
        metadata["remainingItemCount"] = len(found) - limit
    return found[:limit], metadata


def _key(obj: Object) -> Key:
    return obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def _token(version: int, begin: Key, within: str | None) -> str:
    start = "/".join(begin) if begin[0] and within is None else begin[1]
    text = json.dumps({"v": FORM, "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(token: str, within: str | None) -> tuple[int, Key]:
    """Version and key of a token. Raises StatusError 400."""
    if illegal := re.search(r"[^A-Za-z0-9_-]", token):
        raise _invalid(f": illegal base64 data at input byte {illegal.start()}")
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError) as error:
        raise _invalid(f": {error}") from None
    known = content if isinstance(content, dict) else {}
    form, version, start = known.get("v", ""), known.get("rv", 0), known.get("start", "")
    if form != FORM:
        raise _invalid(f": server does not recognize this encoded version {form}")
    if type(version) is not int or version < PRESENT or not version:
        raise _invalid(f": incorrect encoded start resourceVersion (version {FORM})")
    if not isinstance(start, str) or not start:
        raise _invalid(f": encoded start key empty (version {FORM})")
    namespace, _, name = start.rpartition("/")
    return version, (within or namespace, name)


def _invalid(why: str) -> StatusError:
    return bad_request(f"invalid continue token: continue key is not valid{why}")
