"""Text to tokens, as Lucene's simple analyzers do it; all others are approximated, and named in `warnings`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.errors import MARK, illegal_argument, not_here
from sandbox.polarsearch.settings import as_list, nest
from sandbox.polarsearch.shapes import data

_DATA = data("analysis")
_APPROXIMATED = {kind: set(_DATA[kind].split()) for kind in ("analyzers", "tokenizers", "filters", "char_filters")}
_PARAMETERS: dict[str, dict[str, str]] = _DATA["parameters"]
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
_SPECIAL = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l",
                          "Ł": "L", "đ": "d", "Đ": "D", "’": "'", "‘": "'", "“": '"', "”": '"'})  # fmt: skip

Change = Callable[[list[str]], list[str]]


def spans_of(text: str) -> list[tuple[int, int]]:
    """Where the standard tokenizer cuts: Unicode word boundaries."""
    found = [match.span() for match in _TOKEN.finditer(text) if match.group().strip("_")]
    return [(at, min(at + _MAX_TOKEN, end)) for start, end in found for at in range(start, end, _MAX_TOKEN)]


def tokens_of(text: str) -> list[str]:
    """As the standard tokenizer cuts."""
    return [text[start:end] for start, end in spans_of(text)]


def standard(text: str) -> list[str]:
    """As the standard analyzer cuts: in lower case."""
    return [token.lower() for token in tokens_of(text)]


def folded(text: str) -> str:
    """Without accents."""
    plain = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return "".join(char for char in plain if not unicodedata.combining(char))


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


def _each(change: Callable[[str], str]) -> Callable[[Mapping[str, Any]], Change]:
    return lambda options: lambda tokens: [change(token) for token in tokens]


def _stop(options: Mapping[str, Any]) -> Change:
    named = {"_english_": _ENGLISH, "_none_": frozenset[str]()}
    listed = [named.get(word, frozenset({word})) for word in as_list(options.get("stopwords", "_english_"))]
    words = frozenset[str]().union(*listed)
    return lambda tokens: [token for token in tokens if token not in words]


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


FILTERS: dict[str, Callable[[Mapping[str, Any]], Change]] = {
    "lowercase": _each(str.lower),
    "uppercase": _each(str.upper),
    "asciifolding": _each(folded),
    "stop": _stop,
}
TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "standard": tokens_of,
    "keyword": lambda text: [text] if text else [],
    "whitespace": str.split,
    "letter": _letters,
    "lowercase": lambda text: _letters(text.lower()),
}
_LOWER = FILTERS["lowercase"]({})
BUILT_IN: dict[str, Callable[[Mapping[str, Any]], Analyzer]] = {
    "standard": lambda options: Analyzer(tokens_of, [_LOWER, _stop({"stopwords": "_none_", **options})]),
    "simple": lambda options: Analyzer(_letters, [_LOWER]),
    "stop": lambda options: Analyzer(_letters, [_LOWER, _stop(options)]),
    "whitespace": lambda options: Analyzer(str.split),
    "keyword": lambda options: Analyzer(TOKENIZERS["keyword"]),
}


class Analysis:
    """The analyzers and normalizers an index may name. Raises for a definition that makes none."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        own = {key: value for key, value in settings.items() if key.startswith("index.analysis.")}
        self._own = nest(own).get("index", {}).get("analysis", {})
        for what in self._own:
            if what not in _PARAMETERS:
                raise not_here(f"setting [index.analysis.{what}] is not supported")
        self._made = {name: self._analyzer(name, body) for name, body in self._own.get("analyzer", {}).items()}
        self._normalizers = {name: self._normalizer(name, b) for name, b in self._own.get("normalizer", {}).items()}
        for what in ("filter", "char_filter", "tokenizer"):
            for name in self._own.get(what, {}):
                self._component(what, name, name)

    def analyzer(self, name: str) -> Analyzer | None:
        """By name, None when there is none."""
        if name in self._made:
            return self._made[name]
        if name in _APPROXIMATED["analyzers"]:
            return _approximated(name)
        name = "standard" if name == "default" else name
        return BUILT_IN[name]({}) if name in BUILT_IN else None

    def normalizer(self, name: str) -> Analyzer | None:
        """By name, None when there is none; `lowercase` is always there."""
        lower = Analyzer(lambda text: [text], [_LOWER]) if name == "lowercase" else None
        return self._normalizers.get(name, lower)

    def _analyzer(self, name: str, body: Mapping[str, Any]) -> Analyzer:
        kind = body.get("type", "custom" if "tokenizer" in body else None)
        if kind is None:
            raise illegal_argument(f"analyzer [{name}] must specify either an analyzer type, or a tokenizer")
        if kind in _APPROXIMATED["analyzers"]:
            return _approximated(kind)
        if kind not in _PARAMETERS["analyzer"]:
            raise illegal_argument(f"Unknown analyzer type [{kind}] for [{name}]")
        _check_keys("analyzer", kind, name, body)
        if kind != "custom":
            return BUILT_IN[kind](body)
        if "tokenizer" not in body:
            raise not_here(f"analyzer [{name}] must have a tokenizer")
        named, _ = self._component("tokenizer", body["tokenizer"], name)
        made = Analyzer(TOKENIZERS.get(named, tokens_of))
        if named not in TOKENIZERS:
            made.warnings.append(f"tokenizer [{named}] is approximated by [standard] {MARK}")
        return self._chain(name, body, made)

    def _normalizer(self, name: str, body: Mapping[str, Any]) -> Analyzer:
        _check_keys("normalizer", body.get("type", "custom"), name, body)
        return self._chain(name, body, Analyzer(lambda text: [text]))

    def _chain(self, name: str, body: Mapping[str, Any], made: Analyzer) -> Analyzer:
        for what in ("char_filter", "filter"):
            for each in as_list(body.get(what, [])):
                kind, options = self._component(what, each, name)
                if kind in FILTERS:
                    made.filters.append(FILTERS[kind](options))
                else:
                    made.warnings.append(f"{what} [{kind}] is approximated by none {MARK}")
        return made

    def _component(self, what: str, name: str, owner: str) -> tuple[str, Mapping[str, Any]]:
        known = _PARAMETERS[what].keys() | _APPROXIMATED[f"{what}s"]
        body = self._own.get(what, {}).get(name)
        if body is None:
            if name not in known:
                raise illegal_argument(f"Custom Analyzer [{owner}] failed to find {what} under name [{name}]")
            return name, {}
        if body.get("type") not in known:
            raise not_here(f"{what} type [{body.get('type')}] of [{name}] is not supported")
        if body["type"] in _PARAMETERS[what]:
            _check_keys(what, body["type"], name, body)
        return body["type"], body


def _approximated(name: str) -> Analyzer:
    told = [f"analyzer [{name}] is approximated by [standard] {MARK}"]
    return Analyzer(tokens_of, [_LOWER], told)


def _check_keys(what: str, kind: str, name: str, body: Mapping[str, Any]) -> None:
    unknown = body.keys() - {"type"} - set(_PARAMETERS[what].get(kind, "").split())
    if unknown:
        raise not_here(f"[{min(unknown)}] of {what} [{name}] is not supported")
