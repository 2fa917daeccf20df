"""How many tokens texts have, told from their characters. Pure.

A model's own tokens cannot be counted here, so a rule for each script stands for them, with its error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """So many characters of a script make a token, give or take a share of it; `words` are OpenSearch's own tokens."""

    characters: float
    error: float
    words: float
    source: str

    def __str__(self) -> str:
        return f"{self.characters:g} characters a token, ± {100 * self.error:.0f} % ({self.source})"


RULES: Mapping[str, Rule] = {
    "latin": Rule(4, 0.3, 6, "Model Studio's billing: a token is 0.7 words of English"),
    "chinese, japanese, korean": Rule(1.5, 0.3, 1, "Model Studio's billing: a token is 1.5 characters of Chinese"),
    "others": Rule(2, 0.5, 6, "no documentation: a character has two or three bytes"),
}
"""By script; digits, punctuation and blanks count as Latin."""

LATIN, CJK, OTHERS = RULES
LAST_LATIN = 0x024F
CJK_RANGES = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))


@dataclass(frozen=True)
class Tokens:
    """A number of tokens, and the range in which it lies by the rules' errors."""

    expected: int = 0
    low: int = 0
    high: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.expected + other.expected, self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> Tokens:
        """Returns so many times the tokens."""
        return Tokens(*(round(each * factor) for each in (self.expected, self.low, self.high)))

    def at_most(self, most: int) -> Tokens:
        """Returns the tokens, none of the numbers above `most`."""
        return Tokens(*(min(each, most) for each in (self.expected, self.low, self.high)))


def script_of(character: str) -> str:
    """Returns the script of a character, one of RULES."""
    point = ord(character)
    if point <= LAST_LATIN or 0x2000 <= point <= 0x206F:
        return LATIN
    return CJK if any(first <= point <= last for first, last in CJK_RANGES) else OTHERS


def shares(texts: Iterable[str]) -> dict[str, float]:
    """Returns the share of each script in some texts; all is Latin where there is none."""
    counted = Counter(script_of(character) for text in texts for character in text)
    total = sum(counted.values())
    return {script: counted[script] / total for script in RULES if counted[script]} if total else {LATIN: 1.0}


def tokens_of(characters: float, shared: Mapping[str, float]) -> Tokens:
    """Returns the tokens of so many characters, of scripts with those shares."""
    parts = [(characters * share / RULES[script].characters, RULES[script].error) for script, share in shared.items()]
    low, high = (sum(part * (1 + sign * error) for part, error in parts) for sign in (-1, 1))
    return Tokens(round(sum(part for part, _ in parts)), round(low), round(high))


def words_of(characters: float, shared: Mapping[str, float]) -> float:
    """Returns how many tokens OpenSearch's standard tokenizer makes of so many characters."""
    return sum(characters * share / RULES[script].words for script, share in shared.items())
