"""Text to tokens, as Lucene's simple analyzers do it; those of languages are approximated, and named in `warnings`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.errors import MARK, not_here
from sandbox.polarsearch.settings import as_list, nest
from sandbox.polarsearch.shapes import Shapes, data

_DATA = data("analysis")
_APPROXIMATED = frozenset(_DATA["approximated"].split())
_SHAPES = Shapes(_DATA["shapes"])
_ENGLISH = frozenset(_DATA["stopwords"].split())
_IDEOGRAPH = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_SINGLE = _IDEOGRAPH + "\u3041-\u3096\u309d-\u309f"  # every ideograph and every Hiragana sign is a token of its own
_LETTER = rf"[^\W{_SINGLE}{_KATAKANA}]"
# UAX #29: a letter run goes on over an apostrophe, dot or colon between letters, a number over a dot or comma.
_TOKEN = re.compile(
    rf"[{_SINGLE}][\u0300-\u036f]*|[{_KATAKANA}]+"
    rf"|{_LETTER}+(?:(?:(?<=[^\W\d_])['’.:·](?=[^\W\d_{_SINGLE}{_KATAKANA}])|(?<=\d)[.,'’;](?=\d)){_LETTER}+)*"
)
_MAX_TOKEN = 255

Change = Callable[[list[str]], list[str]]


def spans_of(text: str) -> list[tuple[int, int]]:
    """Where the standard tokenizer cuts: Unicode word boundaries."""
    found = [match.span() for match in _TOKEN.finditer(text) if match.group().strip("_")]
    return [(at, min(at + _MAX_TOKEN, end)) for start, end in found for at in range(start, end, _MAX_TOKEN)]


def tokens_of(text: str) -> list[str]:
    """As the standard tokenizer cuts."""
    return [text[start:end] for start, end in spans_of(text)]


@dataclass
class Analyzer:
    """A text's tokens."""

    tokenizer: Callable[[str], list[str]]
    filters: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> list[str]:
        tokens = self.tokenizer(text)
        for change in self.filters:
            tokens = change(tokens)
        return tokens


def _each(change: Callable[[str], str]) -> Change:
    return lambda tokens: [change(token) for token in tokens]


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


_LOWER = _each(str.lower)
_FILTERS: dict[str, Change] = {
    "lowercase": _LOWER,
    "uppercase": _each(str.upper),
    "stop": lambda tokens: [token for token in tokens if token not in _ENGLISH],
}
_TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "standard": tokens_of,
    "keyword": lambda text: [text] if text else [],
    "whitespace": str.split,
    "letter": _letters,
}
_PARTS: dict[str, Mapping[str, Any]] = {"tokenizer": _TOKENIZERS, "char_filter": {}, "filter": _FILTERS}
_APPROXIMATED_PARTS = {what: frozenset(_DATA[what].split()) for what in _PARTS}
_BUILT_IN: dict[str, Analyzer] = {
    "default": Analyzer(tokens_of, [_LOWER]),
    "standard": Analyzer(tokens_of, [_LOWER]),
    "simple": Analyzer(_letters, [_LOWER]),
    "stop": Analyzer(_letters, [_LOWER, _FILTERS["stop"]]),
    "whitespace": Analyzer(str.split),
    "keyword": Analyzer(_TOKENIZERS["keyword"]),
}


class Analysis:
    """The analyzers an index may name. Raises for a definition that is not taken."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        own = {key: value for key, value in settings.items() if key.startswith("index.analysis.")}
        declared = nest(own).get("index", {}).get("analysis", {})
        _SHAPES.check("analysis", declared, "analysis")
        own = {what: declared.get(what, {}) for what in _PARTS}
        self._made = {name: _declared(body, own) for name, body in declared.get("analyzer", {}).items()}

    def analyzer(self, name: str) -> Analyzer | None:
        """By name, None when there is none."""
        if name in _APPROXIMATED and name not in self._made:
            told = f"analyzer [{name}] is approximated by [standard] {MARK}"
            return Analyzer(tokens_of, [_LOWER], [told])
        return self._made.get(name, _BUILT_IN.get(name))


def _declared(body: Mapping[str, Any], own: Mapping[str, Any]) -> Analyzer:
    """What is not one of the simple parts is approximated: a tokenizer by `standard`, a filter by none."""
    made = Analyzer(_TOKENIZERS.get(body["tokenizer"], tokens_of))
    for what, known in _PARTS.items():
        for name in as_list(body.get(what, [])):
            kind = own[what][name]["type"] if name in own[what] else name
            if name in known and name not in own[what]:
                made.filters += [_FILTERS[name]] if what == "filter" else []
            elif kind in _APPROXIMATED_PARTS[what]:
                told = "standard" if what == "tokenizer" else "none"
                made.warnings.append(f"{what} [{kind}] is approximated by [{told}] {MARK}")
            else:
                raise not_here(f"{what} [{name}] of an analyzer is not supported")
    return made
