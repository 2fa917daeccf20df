"""Whose an object is: the mark every object of ours carries in a place the service keeps.

`owner` says which resource declared it; `incarnation` which create made it (or took it over) last. Two resources in
state may name the same object, one of them waiting to be deleted: only who knows the incarnation may delete it.

Places: the end of a `description`, as `[pulumi:<owner>#<incarnation>]`, or `_meta.pulumi` of an index's mapping.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import NotOwned

_IN_DESCRIPTION = re.compile(r"^(?P<text>.*?)\s*\[pulumi:(?P<mark>[^\]]*)\]$", re.DOTALL)
META_KEY = "pulumi"


@dataclass(frozen=True)
class Mark:
    """Who declared an object, and which create made it. Both empty: nobody's that we know."""

    owner: str = ""
    incarnation: str = ""

    def __str__(self) -> str:
        return f"{self.owner}#{self.incarnation}"

    @property
    def stack(self) -> str:
        """Of which stack its owner is: `<project>/<stack>`."""
        return "/".join(self.owner.split("/")[:2])

    @classmethod
    def parse(cls, text: str) -> Mark:
        """From `<owner>#<incarnation>`; the incarnation may be missing, as in a mark written by hand to adopt."""
        owner, _, incarnation = text.partition("#")
        return cls(owner, incarnation)


def new_incarnation() -> str:
    """A random token, 16 hexadecimal digits."""
    return secrets.token_hex(8)


def describe(text: str, mark: Mark) -> str:
    """A description that carries the mark."""
    return f"{text} [pulumi:{mark}]".lstrip()


def read_description(description: str) -> tuple[str, Mark]:
    """The description a person wrote, and the mark behind it."""
    found = _IN_DESCRIPTION.match(description)
    return (found["text"], Mark.parse(found["mark"])) if found else (description, Mark())


def read_marks(description: str) -> tuple[str, list[Mark]]:
    """The description a person wrote, and the marks behind it, of an object that several resources may share."""
    text, mark = read_description(description)
    if not mark.owner:
        return description, []
    text, others = read_marks(text)
    return text, [*others, mark]


def meta_mark(meta: Mapping[str, Any], place: str) -> Mark:
    """The mark that `_meta` keeps at a place: `index`, `link` or `alias:<name>`."""
    return Mark.parse(str(meta.get(META_KEY, {}).get(place, "")))


def with_meta(meta: Mapping[str, Any], **facts: str | None) -> dict[str, Any]:
    """`_meta` with our facts set, or taken out where None; what others keep there stays."""
    kept = {**meta.get(META_KEY, {}), **facts}
    return {**meta, META_KEY: {name: fact for name, fact in kept.items() if fact is not None}}


def require_ours(what: str, mark: Mark, owner: str, adopt: str) -> None:
    """Raises NotOwned unless the mark is `owner`'s. `adopt` says how a person hands the object over to us."""
    if mark.owner == owner:
        return
    whose = f"belongs to {mark.owner}" if mark.owner else "exists and is not ours"
    raise NotOwned(f"{what} {whose}; choose another name, or to adopt it: {adopt}")
