"""Text to tokens, as Lucene's analyzers do it. What is only approximated says so in `warnings`.

A token stands at a position, and filters may put several there (n-grams, synonyms): hence lists of lists. The surprise
for whoever searches Chinese: to the standard analyzer every ideograph and every Hiragana sign is a token of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.errors import MARK, illegal_argument, not_here
from sandbox.polarsearch.settings import as_list, nest
from sandbox.polarsearch.shapes import data

_DATA = data("analysis")
_APPROXIMATED: dict[str, set[str]] = {
    kind: set(_DATA[kind].split()) for kind in ("analyzers", "tokenizers", "filters", "char_filters")
}
_PARAMETERS: dict[str, dict[str, str]] = _DATA["parameters"]
_ENGLISH = frozenset(_DATA["stopwords"].split())
_IDEOGRAPH = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA, _KATAKANA = "\u3041-\u3096\u309d-\u309f", "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_SINGLE = _IDEOGRAPH + _HIRAGANA
_LETTER = rf"[^\W{_SINGLE}{_KATAKANA}]"
# UAX #29: a letter run goes on over an apostrophe, dot or colon between letters, a number over a dot or comma.
_TOKEN = re.compile(
    rf"[{_SINGLE}][\u0300-\u036f]*|[{_KATAKANA}]+"
    rf"|{_LETTER}+(?:(?:(?<=[^\W\d_])['’.:·](?=[^\W\d_{_SINGLE}{_KATAKANA}])|(?<=\d)[.,'’;](?=\d)){_LETTER}+)*"
)
_MAX_TOKEN = 255
_SPECIAL = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l",
                          "Ł": "L", "đ": "d", "Đ": "D", "’": "'", "‘": "'", "“": '"', "”": '"'})  # fmt: skip

Positions = list[list[str]]
Filter = Callable[[Positions], Positions]
Tokenizer = Callable[[str], list[str]]


def tokens_of(text: str, longest: int = _MAX_TOKEN) -> list[str]:
    """As the standard tokenizer cuts: Unicode word boundaries."""
    found = (match.group() for match in _TOKEN.finditer(text))
    return [token[at : at + longest] for token in found if token.strip("_") for at in range(0, len(token), longest)]


def standard(text: str) -> list[str]:
    """As the standard analyzer cuts: in lower case."""
    return [token.lower() for token in tokens_of(text)]


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def folded(text: str) -> str:
    """Without accents."""
    plain = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return "".join(char for char in plain if not unicodedata.combining(char))


@dataclass
class Analyzer:
    """A text's tokens by position."""

    tokenizer: Tokenizer
    filters: list[Filter] = field(default_factory=list)
    before: list[Callable[[str], str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> Positions:
        for change in self.before:
            text = change(text)
        positions = [[token] for token in self.tokenizer(text)]
        for each in self.filters:
            positions = each(positions)
        return positions


def _each(change: Callable[[str], str]) -> Filter:
    return lambda positions: [[change(token) for token in here] for here in positions]


def _kept(keep: Callable[[str], bool]) -> Filter:
    return lambda positions: [left for here in positions if (left := [token for token in here if keep(token)])]


def _spread(parts: Callable[[str], Iterable[str]]) -> Filter:
    return lambda positions: [
        found for here in positions if (found := [part for token in here for part in parts(token)])
    ]


def _unique(positions: Positions) -> Positions:
    seen: set[str] = set()
    return [[here[0]] for here in positions if here[0] not in seen and not seen.add(here[0])]  # type: ignore[func-returns-value]


def _stopwords(given: Any, default: frozenset[str]) -> frozenset[str]:
    words = {"_english_": _ENGLISH, "_none_": frozenset[str]()}
    listed = [default] if given is None else [words.get(word, frozenset({word})) for word in as_list(given)]
    return frozenset().union(*listed)


def _stop(options: Mapping[str, Any]) -> Filter:
    words, ignore = _stopwords(options.get("stopwords"), _ENGLISH), options.get("ignore_case") == "true"
    return _kept(lambda token: (token.lower() if ignore else token) not in words)


def _grams(token: str, least: int, most: int, *, edge: bool) -> list[str]:
    starts = range(1 if edge else len(token))
    return [token[at : at + size] for at in starts for size in range(least, most + 1) if at + size <= len(token)]


def _gramming(edge: bool) -> Callable[[Mapping[str, Any]], Filter]:
    def make(options: Mapping[str, Any]) -> Filter:
        least, most = int(options.get("min_gram", 1)), int(options.get("max_gram", 2))
        if least < 1 or least > most:
            raise not_here("min_gram must be at least 1 and at most max_gram")
        if not edge and most - least > 1:
            raise not_here("the difference between max_gram and min_gram must be at most 1")
        return _spread(lambda token: _grams(token, least, most, edge=edge))

    return make


def _synonym(options: Mapping[str, Any]) -> Filter:
    table: dict[str, list[str]] = {}
    for rule in as_list(options.get("synonyms", [])):
        left, arrow, right = rule.partition("=>")
        sources, targets = ([word.strip() for word in side.split(",")] for side in (left, right if arrow else left))
        if any(" " in word or not word for word in (*sources, *targets)):
            raise not_here(f"synonyms of several words are not supported: [{rule}]")
        for source in sources:
            table.setdefault(source, [source] if not arrow else []).extend(t for t in targets if t != source or arrow)
    return _spread(lambda token: dict.fromkeys(table.get(token, [token])))


def _length(options: Mapping[str, Any]) -> Filter:
    least, most = int(options.get("min", 0)), int(options.get("max", 2**31 - 1))
    return _kept(lambda token: least <= len(token) <= most)


FILTERS: dict[str, Callable[[Mapping[str, Any]], Filter]] = {
    "lowercase": lambda _: _each(str.lower),
    "uppercase": lambda _: _each(str.upper),
    "trim": lambda _: _each(str.strip),
    "reverse": lambda _: _each(lambda token: token[::-1]),
    "asciifolding": lambda _: _each(folded),
    "unique": lambda _: _unique,
    "stop": _stop,
    "length": _length,
    "truncate": lambda options: _each(lambda token: token[: int(options.get("length", 10))]),
    "edge_ngram": _gramming(True),
    "ngram": _gramming(False),
    "synonym": _synonym,
}
TOKENIZERS: dict[str, Tokenizer] = {
    "standard": tokens_of,
    "keyword": lambda text: [text] if text else [],
    "whitespace": str.split,
    "letter": _letters,
    "lowercase": lambda text: _letters(text.lower()),
}


def _fingerprint(text: str) -> list[str]:
    return [" ".join(sorted(set(standard(folded(text)))))]


_LOWER = _each(str.lower)
BUILT_IN: dict[str, Callable[[Mapping[str, Any]], Analyzer]] = {
    "standard": lambda options: Analyzer(
        lambda text: tokens_of(text, int(options.get("max_token_length", _MAX_TOKEN))),
        [_LOWER, _stop({"stopwords": options.get("stopwords", "_none_")})],
    ),
    "simple": lambda _: Analyzer(_letters, [_LOWER]),
    "stop": lambda options: Analyzer(_letters, [_LOWER, _stop(options)]),
    "whitespace": lambda _: Analyzer(str.split),
    "keyword": lambda _: Analyzer(TOKENIZERS["keyword"]),
    "pattern": lambda _: Analyzer(lambda text: [part for part in re.split(r"\W+", text) if part], [_LOWER]),
    "fingerprint": lambda _: Analyzer(_fingerprint),
}


class Analysis:
    """The analyzers and normalizers an index may name. Raises for a definition that makes none."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        own = {key: value for key, value in settings.items() if key.startswith("index.analysis.")}
        self._own = nest(own).get("index", {}).get("analysis", {})
        for kind in self._own:
            if kind not in _PARAMETERS:
                raise not_here(f"setting [index.analysis.{kind}] is not supported")
        self._made = {name: self._analyzer(name, body) for name, body in self._own.get("analyzer", {}).items()}
        self._normalizers = {name: self._normalizer(name, b) for name, b in self._own.get("normalizer", {}).items()}
        for kind in ("filter", "char_filter", "tokenizer"):
            for name in self._own.get(kind, {}):
                self._component(kind, name, name)

    def analyzer(self, name: str) -> Analyzer | None:
        """By name, None when there is none."""
        if name in self._made:
            return self._made[name]
        if name == "default":
            return BUILT_IN["standard"]({})
        if name in _APPROXIMATED["analyzers"]:
            return self._approximated(name)
        return BUILT_IN[name]({}) if name in BUILT_IN else None

    def normalizer(self, name: str) -> Analyzer | None:
        """By name, None when there is none; `lowercase` is always there."""
        lower = Analyzer(lambda text: [text], [_LOWER]) if name == "lowercase" else None
        return self._normalizers.get(name, lower)

    def _approximated(self, name: str) -> Analyzer:
        made = BUILT_IN["standard"]({})
        made.warnings.append(f"analyzer [{name}] is approximated by [standard] {MARK}")
        return made

    def _analyzer(self, name: str, body: Mapping[str, Any]) -> Analyzer:
        kind = body.get("type", "custom" if "tokenizer" in body else None)
        if kind is None:
            raise illegal_argument(f"analyzer [{name}] must specify either an analyzer type, or a tokenizer")
        if kind in _APPROXIMATED["analyzers"]:
            return self._approximated(kind)
        if kind not in _PARAMETERS["analyzer"]:
            raise illegal_argument(f"Unknown analyzer type [{kind}] for [{name}]")
        self._check_keys("analyzer", kind, name, body)
        return self._custom(name, body) if kind == "custom" else BUILT_IN[kind](body)

    def _custom(self, name: str, body: Mapping[str, Any]) -> Analyzer:
        tokenizer = body.get("tokenizer")
        if tokenizer is None:
            raise not_here(f"analyzer [{name}] must have a tokenizer")
        return self._chain(name, "Custom Analyzer", body, self._tokenizer(name, tokenizer))

    def _tokenizer(self, owner: str, name: str) -> Analyzer:
        kind, options = self._component("tokenizer", name, owner)
        if kind in _APPROXIMATED["tokenizers"]:
            return Analyzer(tokens_of, warnings=[f"tokenizer [{kind}] is approximated by [standard] {MARK}"])
        if kind == "standard":
            longest = int(options.get("max_token_length", _MAX_TOKEN))
            return Analyzer(lambda text: tokens_of(text, longest))
        return Analyzer(TOKENIZERS[kind])

    def _normalizer(self, name: str, body: Mapping[str, Any]) -> Analyzer:
        self._check_keys("normalizer", body.get("type", "custom"), name, body)
        return self._chain(name, "Custom normalizer", body, Analyzer(lambda text: [text]))

    def _chain(self, name: str, owner: str, body: Mapping[str, Any], made: Analyzer) -> Analyzer:
        for each in as_list(body.get("char_filter", [])):
            kind, options = self._component("char_filter", each, name, owner)
            if kind in _APPROXIMATED["char_filters"]:
                made.warnings.append(f"char_filter [{kind}] is approximated by none {MARK}")
            else:
                made.before.append(_mapping(options))
        for each in as_list(body.get("filter", [])):
            kind, options = self._component("filter", each, name, owner)
            if kind in _APPROXIMATED["filters"]:
                made.warnings.append(f"filter [{kind}] is approximated by none {MARK}")
            else:
                made.filters.append(FILTERS[kind](options))
        return made

    def _component(
        self, what: str, name: str, owner: str, whose: str = "Custom Analyzer"
    ) -> tuple[str, Mapping[str, Any]]:
        """The type and options of a tokenizer or filter, of the index's own or built in."""
        known = _PARAMETERS[what].keys() | _APPROXIMATED[f"{what}s"]
        body = self._own.get(what, {}).get(name)
        if body is None:
            if name not in known or (what == "char_filter" and name == "mapping") or name == "synonym":
                raise illegal_argument(f"{whose} [{owner}] failed to find {what} under name [{name}]")
            return name, {}
        kind = body.get("type")
        if kind is None:
            raise not_here(f"{what} [{name}] must have a type")
        if kind not in known:
            raise illegal_argument(f"Unknown {what} type [{kind}] for [{name}]")
        if kind in _PARAMETERS[what]:
            self._check_keys(what, kind, name, body)
        return kind, body

    def _check_keys(self, what: str, kind: str, name: str, body: Mapping[str, Any]) -> None:
        unknown = body.keys() - {"type", "version"} - set(_PARAMETERS[what].get(kind, "").split())
        if unknown:
            raise not_here(f"[{min(unknown)}] of {what} [{name}] is not supported")


def _mapping(options: Mapping[str, Any]) -> Callable[[str], str]:
    pairs = [rule.partition("=>") for rule in as_list(options.get("mappings", []))]

    def change(text: str) -> str:
        for old, _, new in pairs:
            text = text.replace(old.strip(), new.strip())
        return text

    return change
