"""Names in a request to indexes: lists with commas, wildcards, aliases, `_all`, and what a name may look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from sandbox.polarsearch.errors import ApiError, illegal_argument, index_not_found, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.node import Node

_NAME = re.compile(r'(?![_\-+]|\.\.?$)[^ "*\\<|,>/?#:]+')
EXPRESSION = {"resource.type": "index_expression"}


def check_index_name(name: str) -> None:
    """Raises for a name that an index cannot have."""
    if name != name.lower() or not _NAME.fullmatch(name) or len(name.encode()) > 255:
        raise not_here(f"Invalid index name [{name}]", "invalid_index_name_exception")


def check_alias_name(name: str, node: Node) -> None:
    """Raises for a name that an alias cannot have; it may have capitals, but not the name of an index."""
    if name in node.indices:
        extra = {"index": name, "index_uuid": node.indices[name].uuid}
        text = f"Invalid alias name [{name}], an index exists with the same name as the alias"
        raise ApiError(400, "invalid_alias_name_exception", text, extra=extra)
    if not _NAME.fullmatch(name) or len(name.encode()) > 255:
        raise not_here(f"Invalid alias name [{name}]", "invalid_alias_name_exception")


def visible(node: Node) -> Iterator[StoredIndex]:
    """Every index but ML Commons' own."""
    return (index for name, index in sorted(node.indices.items()) if not index.hidden)


def resolve(node: Node, expression: str | None, *, ignore_unavailable: bool = False) -> list[StoredIndex]:
    """The indexes an expression names. A missing plain name is an error, a wildcard that finds nothing is not.

    With `ignore_unavailable` a missing plain name finds nothing, too.
    """
    if expression in {None, "", "_all", "*"}:
        return list(visible(node))
    found: dict[str, StoredIndex] = {}
    for part in str(expression).split(","):
        found |= {index.name: index for index in _one(node, part, ignore_unavailable)}
    return list(found.values())


def _one(node: Node, part: str, ignore_unavailable: bool) -> list[StoredIndex]:
    if "*" in part and part[:1] != "-":
        return [each for each in visible(node) if any(fnmatchcase(name, part) for name in (each.name, *each.aliases))]
    found = [index for index in visible(node) if part == index.name or part in index.aliases]
    if part[:1] in {"_", "-"}:
        raise not_here(f"[{part}] is not supported as a name", "invalid_index_name_exception")
    if not found and not ignore_unavailable:
        raise index_not_found(part)
    return found


def aliased(node: Node, alias: str) -> list[StoredIndex]:
    """The indexes behind an alias."""
    return [index for index in visible(node) if alias in index.aliases]


def for_reading(node: Node, name: str) -> StoredIndex:
    """The one index that a request for one document means."""
    found = [node.indices[name]] if name in node.indices else aliased(node, name)
    if not found:
        raise missing(name)
    if len(found) > 1:
        raise not_here(f"a document of alias [{name}], which has several indexes, is not supported")
    return found[0]


def for_writing(node: Node, name: str) -> StoredIndex | None:
    """The index a write goes to, None when there is none yet."""
    return for_reading(node, name) if name in node.indices or aliased(node, name) else None


def no_alias_expected(name: str) -> ApiError:
    """Where only an index will do."""
    return illegal_argument(
        f"The provided expression [{name}] matches an alias, specify the corresponding concrete indices instead."
    )


def missing(name: str) -> ApiError:
    """As requests for one document say that there is no such index."""
    error = index_not_found(name)
    error.extra |= EXPRESSION
    return error
