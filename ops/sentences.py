"""Sentences of a plan, and values in them, as Markdown. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

FOLLOWS = "known once it is made"
LONGEST = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Sentence:
    """One sentence. A warning stands out; `loses` is of data that cannot be had again from the table."""

    text: str
    warns: bool = False
    loses: bool = False


def plain(text: str) -> Sentence:
    """A sentence."""
    return Sentence(text)


def alarm(text: str, *, loses: bool = False) -> Sentence:
    """A warning."""
    return Sentence(text, warns=True, loses=loses)


def escaped(text: str) -> str:
    """Returns a text of a service's on one line that neither ends what it stands in nor calls anybody."""
    return " ".join(text.split()).replace("<", "&lt;").replace("@", "@\u200b")


def code(value: Any) -> str:
    """Returns a value as code, in which Markdown has no meaning; cut where it is long."""
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = FOLLOWS if UNKNOWN in text else text
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return f"`{shown.replace('`', chr(39))}`"
