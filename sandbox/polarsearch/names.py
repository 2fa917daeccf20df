"""Names in a request to indexes: lists with commas, wildcards, aliases, `_all`, and what a name may look like."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from sandbox.polarsearch.errors import ApiError, illegal_argument, index_not_found
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.node import Node

_FORBIDDEN = ' "*\\<|,>/?'
_LISTED = ' , ", *, \\, <, |, ,, >, /, ?'
EXPRESSION = {"resource.type": "index_expression"}


def check_index_name(name: str) -> None:
    """Raises invalid_index_name_exception as MetadataCreateIndexService does."""
    reason = _objection(name)
    if reason is None and name != name.lower():
        reason = "must be lowercase"
    if reason:
        extra = {"index": name, "index_uuid": "_na_"}
        raise ApiError(400, "invalid_index_name_exception", f"Invalid index name [{name}], {reason}", extra=extra)


def check_alias_name(name: str, node: Node) -> None:
    """Raises invalid_alias_name_exception; an alias may have capitals, but not the name of an index."""
    if name in node.indices:
        extra = {"index": name, "index_uuid": node.indices[name].uuid}
        text = f"Invalid alias name [{name}], an index exists with the same name as the alias"
        raise ApiError(400, "invalid_alias_name_exception", text, extra=extra)
    reason = _objection(name)
    if reason:
        raise ApiError(400, "invalid_alias_name_exception", f"Invalid alias name [{name}]: {reason}")


def _objection(name: str) -> str | None:
    if any(char in _FORBIDDEN for char in name):
        return f"must not contain the following characters [{_LISTED}]"
    if "#" in name:
        return "must not contain '#'"
    if ":" in name:
        return "must not contain ':'"
    if name[:1] in {"_", "-", "+"}:
        return "must not start with '_', '-', or '+'"
    if name in {".", ".."}:
        return "must not be '.' or '..'"
    length = len(name.encode())
    return f"index name is too long, ({length} > 255)" if length > 255 else None


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
        if part.startswith("-") and found:
            found = {name: index for name, index in found.items() if not fnmatchcase(name, part[1:])}
        else:
            found |= {index.name: index for index in _one(node, part, ignore_unavailable)}
    return list(found.values())


def _one(node: Node, part: str, ignore_unavailable: bool) -> list[StoredIndex]:
    if "*" in part:
        return [each for each in visible(node) if any(fnmatchcase(name, part) for name in (each.name, *each.aliases))]
    found = [index for index in visible(node) if part == index.name or part in index.aliases]
    if not found and part[:1] == "_":
        extra = {"index": part, "index_uuid": "_na_"}
        text = f"Invalid index name [{part}], must not start with '_'."
        raise ApiError(400, "invalid_index_name_exception", text, extra=extra)
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
        listed = ", ".join(index.name for index in found)
        raise illegal_argument(
            f"alias [{name}] has more than one index associated with it [{listed}], can't execute a single index op"
        )
    return found[0]


def for_writing(node: Node, name: str) -> StoredIndex | None:
    """The index a write goes to: an alias' write index, None when there is none yet."""
    if name in node.indices:
        return node.indices[name]
    found = aliased(node, name)
    writers = [index for index in found if index.aliases[name].get("is_write_index")]
    if not writers:
        writers = [index for index in found if index.aliases[name].get("is_write_index") is not False]
    if not found or len(writers) == 1:
        return writers[0] if found else None
    raise illegal_argument(
        f"no write index is defined for alias [{name}]. The write index may be explicitly disabled using "
        "is_write_index=false or the alias points to multiple indices without one being designated as a write index"
    )


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
