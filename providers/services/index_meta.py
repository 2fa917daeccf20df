"""`_meta` of an index's mapping: where an index, its sync link and its aliases keep their owner references."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from providers.kit import META_KEY, OwnerReference, with_meta

if TYPE_CHECKING:
    from .http import SearchClient


Meta = dict[str, Any]

_writing = threading.Lock()


def read_meta(search: SearchClient, index: str) -> Meta:
    """Returns everything in an index's `_meta`, ours and others'. Raises NotFound without the index."""
    return meta_of(search.get(f"/{index}/_mapping")[index])


def meta_of(index: Any) -> Meta:
    """Returns the `_meta` of an index as the service shows it."""
    return dict(index.get("mappings", {}).get("_meta", {}))


def is_protected(meta: Meta) -> bool:
    """Tells whether an index says that its documents are protected."""
    return bool(meta.get(META_KEY, {}).get("protected") == "true")


def index_metas(search: SearchClient) -> dict[str, Meta]:
    """Returns, by index, the `_meta` of all indexes that keep an owner reference. One request."""
    shown = search.get(f"/_mapping?filter_path=*.mappings._meta.{META_KEY}")
    return {name: meta_of(index) for name, index in shown.items()}


def alias_place(name: str) -> str:
    """Returns where an index keeps the owner reference of one of its aliases."""
    return f"alias:{name}"


def write_reference(
    search: SearchClient, index: str, place: str, reference: OwnerReference | None, seen: Meta | None = None
) -> None:
    """Sets or removes the owner reference at a place; what else is kept there stays. Raises NotFound.

    `seen` is the `_meta` that the same operation has just read.
    """
    rewrite_meta(search, index, lambda meta: with_meta(meta, **{place: str(reference) if reference else None}), seen)


def rewrite_meta(
    search: SearchClient, index: str, change: Callable[[Meta], Meta], seen: Meta | None = None, **mapping: Any
) -> None:
    """Writes `_meta` as `change` returns it, with other parts of the mapping. One at a time: it is replaced whole."""
    with _writing:
        meta = read_meta(search, index) if seen is None else seen
        search.put(f"/{index}/_mapping", {"_meta": change(meta), **mapping})
