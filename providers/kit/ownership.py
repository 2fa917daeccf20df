"""Whose an object is: the owner reference that every object of ours carries in a place the service keeps.

`owner` names the resource that declares the object; `uid` the create that made it or took it over last. Two resources
in state may name the same object, one of them waiting to be deleted: only the one that knows the uid may delete it.

Places: the end of a `description` or of a table's comment, as `[pulumi:<owner>#<uid>]`, or a value of `_meta.pulumi` in
an index's mapping.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import NotOwned

META_KEY = "pulumi"
ADOPT = "choose another name, or adopt it: `python -m ops adopt`"
"""What to do about an object of a declared name that is not ours."""

_IN_DESCRIPTION = re.compile(r"^(?P<text>.*?)\s*\[pulumi:(?P<reference>[^\]]*)\]$", re.DOTALL)


@dataclass(frozen=True)
class OwnerReference:
    """The resource that declares an object, and the create that made it. Both are empty for an object of nobody's."""

    owner: str = ""
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.owner}#{self.uid}"

    @property
    def stack(self) -> str:
        """The stack of its owner: `<project>/<stack>`."""
        return "/".join(self.owner.split("/")[:2])

    @classmethod
    def parse(cls, text: str) -> OwnerReference:
        """Reads `<owner>#<uid>`; the uid may be missing, as in a reference that hands over an object to adopt."""
        owner, _, uid = text.partition("#")
        return cls(owner, uid)


def new_uid() -> str:
    """Returns a random token of 16 hexadecimal digits."""
    return secrets.token_hex(8)


def describe(text: str, reference: OwnerReference) -> str:
    """Returns a description that carries the owner reference."""
    return f"{text} [pulumi:{reference}]".lstrip()


def read_description(description: str) -> tuple[str, OwnerReference]:
    """Returns the description that a person wrote, and the owner reference behind it."""
    found = _IN_DESCRIPTION.match(description)
    return (found["text"], OwnerReference.parse(found["reference"])) if found else (description, OwnerReference())


def read_references(description: str) -> tuple[str, list[OwnerReference]]:
    """Returns the text and the owner references of an object that several resources may share."""
    text, reference = read_description(description)
    if not reference.owner:
        return description, []
    text, others = read_references(text)
    return text, [*others, reference]


def meta_reference(meta: Mapping[str, Any], place: str) -> OwnerReference:
    """Returns the owner reference that `_meta` keeps at a place: `index`, `link` or `alias:<name>`."""
    return OwnerReference.parse(str(meta.get(META_KEY, {}).get(place, "")))


def with_meta(meta: Mapping[str, Any], **facts: str | None) -> dict[str, Any]:
    """Returns `_meta` with our facts set, or removed where None; what others keep there stays."""
    kept = {**meta.get(META_KEY, {}), **facts}
    return {**meta, META_KEY: {name: fact for name, fact in kept.items() if fact is not None}}


def require_owned(what: str, reference: OwnerReference, owner: str) -> None:
    """Raises NotOwned unless the object belongs to `owner`."""
    if reference.owner == owner:
        return
    whose = f"belongs to {reference.owner}" if reference.owner else "exists and is not ours"
    raise NotOwned(f"{what} {whose}; {ADOPT}", reference.owner, reference.uid)
