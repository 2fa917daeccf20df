"""The one condition of an ingest processor that is understood: that a field holds nothing but white space."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.texts import is_blank

_PATH = r"ctx\['(?P<first>[^']*)'\](?P<inner>(?:\?\.get\('[^']*'\))*)"
_BLANK = re.compile(_PATH + r" instanceof String && (?P<again>.*)\.chars\(\)\.allMatch\(Character::isWhitespace\)")


def check(condition: str) -> None:
    """Raises for a condition that is not understood."""
    _path(condition)


def holds(condition: str, document: Mapping[str, Any]) -> bool:
    """Whether the condition holds for a document."""
    value: Any = document
    for name in _path(condition):
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, str) and is_blank(value)


def _path(condition: str) -> list[str]:
    found = _BLANK.fullmatch(condition)
    path = found and f"ctx['{found['first']}']{found['inner']}"
    if not found or found["again"] != path:
        raise not_here(f"the condition [{condition}] is not supported", "script_exception")
    return [found["first"], *re.findall(r"\('([^']*)'\)", found["inner"])]
