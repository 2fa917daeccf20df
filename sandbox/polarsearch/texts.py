"""Texts as Java sees them: what is white space, and what is blank."""

from __future__ import annotations

import unicodedata

_CONTROLS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f")
_NON_BREAKING = frozenset("\u00a0\u2007\u202f")


def is_whitespace(character: str) -> bool:
    """Java's Character.isWhitespace: separators that may break, and some control characters."""
    separates = unicodedata.category(character) in ("Zs", "Zl", "Zp") and character not in _NON_BREAKING
    return separates or character in _CONTROLS


def is_blank(text: str) -> bool:
    """Empty, or white space alone: what `text_embedding` refuses (seen on 2.19.1, with 19 characters)."""
    return all(map(is_whitespace, text))
