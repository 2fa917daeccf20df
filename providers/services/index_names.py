"""What an index may be called."""

from __future__ import annotations

FORBIDDEN = frozenset(' \\/*?"<>|,#:')
"""Characters no index name may have (OpenSearch, MetadataCreateIndexService)."""


def validated_index_name(name: str) -> str:
    """Returns the name, if OpenSearch takes it for an index. Raises ValueError."""
    if name != name.lower():
        raise ValueError(f"index name {name!r} must be lower case; write {name.lower()!r}")
    if bad := sorted(FORBIDDEN & set(name)):
        raise ValueError(
            f"index name {name!r} must not contain {' '.join(map(repr, bad))}; use letters, digits, - and _"
        )
    if not name or name in (".", "..") or name[0] in "_-+" or len(name.encode()) > 255:
        raise ValueError(f"index name {name!r} must start with a letter or digit and have at most 255 bytes")
    return name
