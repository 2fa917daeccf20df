"""`_meta` of an index's mapping: where an index, its sync link and its aliases keep their marks, side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .errors import NotFound
from .http import SearchClient
from .ownership import META_KEY, Mark, meta_mark, with_meta

Meta = dict[str, Any]

_writing = threading.Lock()


def read_meta(search: SearchClient, index: str) -> Meta:
    """Everything in an index's `_meta`, ours and others'. Raises NotFound without the index."""
    return dict(search.get(f"/{index}/_mapping")[index]["mappings"].get("_meta", {}))


def mark_at(search: SearchClient, index: str, place: str) -> Mark | None:
    """The mark an index keeps at a place: `index`, `link` or `alias:<name>`; None when there is no such index."""
    try:
        return meta_mark(read_meta(search, index), place)
    except NotFound:
        return None


def index_marks(search: SearchClient) -> dict[str, Mark]:
    """The marks of all indexes that keep any, by their names. One request."""
    shown = search.get(f"/_mapping?filter_path=*.mappings._meta.{META_KEY}")
    return {name: meta_mark(index["mappings"]["_meta"], "index") for name, index in shown.items()}


def alias_place(name: str) -> str:
    """Where an index keeps the mark of an alias of its."""
    return f"alias:{name}"


def write_mark(search: SearchClient, index: str, place: str, mark: Mark | None) -> None:
    """Set the mark at a place, or take it out; what else is kept there stays. Raises NotFound without the index."""
    rewrite_meta(search, index, lambda meta: with_meta(meta, **{place: str(mark) if mark else None}))


def rewrite_meta(search: SearchClient, index: str, change: Callable[[Meta], Meta], **mapping: Any) -> None:
    """Write `_meta` as `change` makes it, with other parts of the mapping. One at a time: it is replaced as a whole."""
    with _writing:
        search.put(f"/{index}/_mapping", {"_meta": change(read_meta(search, index)), **mapping})


def handover(index: str, place: str, owner: str) -> str:
    """The request by which a person hands over what an index marks at a place."""
    return f'PUT /{index}/_mapping {{"_meta":{{"{META_KEY}":{{"{place}":"{owner}"}}}}}}'
