"""Text to tokens, as Lucene's standard analyzer does it: Unicode word boundaries, lower case, no stop words.

The surprise for whoever searches Chinese: every ideograph and every Hiragana sign is a token of its own, while a run of
Katakana or Hangul is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_IDEOGRAPH = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u3096\u309d-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_SINGLE = _IDEOGRAPH + _HIRAGANA
_LETTER = rf"[^\W{_SINGLE}{_KATAKANA}]"
# UAX #29: a letter run goes on over an apostrophe, dot or colon between letters, a number over a dot or comma.
_TOKEN = re.compile(
    rf"[{_SINGLE}][\u0300-\u036f]*|[{_KATAKANA}]+"
    rf"|{_LETTER}+(?:(?:(?<=[^\W\d_])['’.:·](?=[^\W\d_{_SINGLE}{_KATAKANA}])|(?<=\d)[.,'’;](?=\d)){_LETTER}+)*"
)
_MAX_TOKEN = 255


def standard(text: str) -> list[str]:
    """The tokens of `text`, in order."""
    tokens = (match.group().lower() for match in _TOKEN.finditer(text))
    return [part for token in tokens if token.strip("_") for part in _cut(token)]


def _cut(token: str) -> list[str]:
    return [token[start : start + _MAX_TOKEN] for start in range(0, len(token), _MAX_TOKEN)]


def keyword(text: str) -> list[str]:
    """The text itself."""
    return [text]


ANALYZERS: dict[str, Callable[[str], list[str]]] = {
    "standard": standard,
    "keyword": keyword,
    "whitespace": str.split,
    "simple": lambda text: re.findall(r"[^\W\d_]+", text.lower()),
}
