"""Texts as Java sees them: what is white space, what is blank, and how they stand in JSON."""

from __future__ import annotations

import json
import unicodedata

from sandbox.polarsearch.errors import not_here

_CONTROLS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f")
_NON_BREAKING = frozenset("\u00a0\u2007\u202f")


def is_whitespace(character: str) -> bool:
    """Java's Character.isWhitespace: separators that may break, and some control characters."""
    separates = unicodedata.category(character) in ("Zs", "Zl", "Zp") and character not in _NON_BREAKING
    return separates or character in _CONTROLS


def is_blank(text: str) -> bool:
    """Empty, or white space alone: what `text_embedding` refuses (seen on 2.19.1, with 19 characters)."""
    return all(map(is_whitespace, text))


_SHORT = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r"}


def escaped(text: str) -> str:
    """As commons-text writes it inside a JSON string: ASCII alone, slashes escaped."""
    raw = text.encode("utf-16-be")
    units = (int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))
    return "".join(_SHORT.get(chr(unit), chr(unit) if 32 <= unit < 127 else f"\\u{unit:04X}") for unit in units)


def is_json(text: str) -> bool:
    """Whether it is a JSON object or list, which ML Commons does not escape."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        if escaped(text) != text:  # a real node's reader takes more for JSON
            raise not_here(f"[{text}], which is nearly JSON, is not supported") from None
        return False
    return True
