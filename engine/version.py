"""Versions, compared as numbers: which `pulumi` is new enough, and which Go can build one."""

from __future__ import annotations

import re

Version = tuple[int, int, int]

OLDEST_PULUMI: Version = (3, 254, 0)
# What go.mod asks for. Since 1.21 an older Go fetches the one it needs, unless GOTOOLCHAIN forbids it.
OLDEST_GO: Version = (1, 25, 11)
OLDEST_GO_THAT_FETCHES: Version = (1, 21, 0)


def parse(text: str) -> Version | None:
    """The first version in `text`: `v3.259.0` and `go version go1.26 linux/amd64` have one, an error page has none."""
    found = re.search(r"(?<![\d.])(?:v|go)?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def shown(version: Version) -> str:
    """`3.259.0`."""
    return ".".join(map(str, version))


def go_can_build(version: Version, toolchain: str) -> bool:
    """Whether that Go, with that value of GOTOOLCHAIN, compiles go.mod."""
    fetches = version >= OLDEST_GO_THAT_FETCHES and not toolchain.startswith("local")
    return version >= OLDEST_GO or fetches
