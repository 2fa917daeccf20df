"""Versions, compared as numbers: the oldest supported `pulumi`, and the oldest Go that can build one."""

from __future__ import annotations

import re

Version = tuple[int, int, int]

OLDEST_PULUMI: Version = (3, 254, 0)
# The version in go.mod. Since 1.21 an older Go downloads the required one, unless GOTOOLCHAIN forbids it.
OLDEST_GO: Version = (1, 25, 11)
OLDEST_GO_THAT_FETCHES: Version = (1, 21, 0)


def parse(text: str) -> Version | None:
    """Returns the first version in `text`, such as `v3.259.0` or `go version go1.26 linux/amd64`, or None."""
    found = re.search(r"(?<![\d.])(?:v|go)?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def shown(version: Version) -> str:
    """Returns a version such as `3.259.0`."""
    return ".".join(map(str, version))


def go_can_build(version: Version, toolchain: str) -> bool:
    """Returns whether this Go, with this value of GOTOOLCHAIN, can build go.mod."""
    fetches = version >= OLDEST_GO_THAT_FETCHES and not toolchain.startswith("local")
    return version >= OLDEST_GO or fetches
