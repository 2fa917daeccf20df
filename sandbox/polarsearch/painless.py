"""The conditions of ingest processors: the part of Painless that an `if` needs, over one document.

`ctx.a`, `ctx['a']`, `?.`, methods of texts and maps, `Character::isWhitespace`, comparisons, `instanceof`, `!`, `&&`,
`||` and parentheses.
Anything else raises Unknown: a condition is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.polarsearch.texts import is_whitespace

_TOKENS = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^']*'|\"[^\"]*\")|(?P<name>[A-Za-z_]\w*(?:::\w+)?)"
    r"|(?P<sign>\?\.|&&|\|\||[=!]=|<=|>=|[<>!().,\[\]]))"
)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Map": (dict,),
    "List": (list,),
    "Boolean": (bool,),
    "Number": (int, float),
}
_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's trim() takes off: everything up to the space."""

_METHODS: Mapping[str, Callable[..., Any]] = {
    "trim": lambda value: value.strip(_TRIMMED),
    "toLowerCase": lambda value: value.lower(),
    "isEmpty": lambda value: len(value) == 0,
    "length": len,
    "size": len,
    "contains": lambda value, part: part in value,
    "startsWith": lambda value, part: value.startswith(part),
    "endsWith": lambda value, part: value.endswith(part),
    "equals": lambda value, other: value == other,
    "containsKey": lambda value, key: key in value,
    "get": lambda value, key: value.get(key),
    "chars": list,
    "allMatch": lambda values, holds: all(map(holds, values)),
}
_REFERENCES: Mapping[str, Callable[[str], bool]] = {"Character::isWhitespace": is_whitespace}
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}
_WORDS: Mapping[str, Any] = {"null": None, "true": True, "false": False}


class Unknown(Exception):
    """A construct that is not understood here; the message is it."""


def holds(condition: str, document: Mapping[str, Any]) -> bool:
    """Whether a condition holds for a document. Raises Unknown; AttributeError or TypeError where Java's null would."""
    reader = _Reader(condition, document)
    value = reader.either()
    if reader.at is not None:
        raise Unknown(reader.at)
    return bool(value)


class _Reader:
    """Reads and evaluates from left to right; the second side of `&&` and `||` is only read where it does not count."""

    def __init__(self, condition: str, document: Mapping[str, Any]) -> None:
        self._tokens = list(_split(condition))
        self._document = document
        self._quiet = 0

    @property
    def at(self) -> str | None:
        return self._tokens[0] if self._tokens else None

    def either(self) -> Any:
        value = self._both()
        while self._next("||"):
            other = self._skipping(bool(value), self._both)
            value = bool(value) or bool(other)
        return value

    def _both(self) -> Any:
        value = self._negated()
        while self._next("&&"):
            other = self._skipping(not value, self._negated)
            value = bool(value) and bool(other)
        return value

    def _negated(self) -> Any:
        return not self._negated() if self._next("!") else self._compared()

    def _compared(self) -> Any:
        value = self._reached()
        if self._next("instanceof"):
            return isinstance(value, _known(_TYPES, self._take()))
        if self.at in _COMPARED:
            compare, other = _COMPARED[self._take()], self._reached()
            return None if self._quiet else compare(value, other)
        return value

    def _reached(self) -> Any:
        value = self._first()
        while self.at in (".", "?.", "["):
            how = self._take()
            value = self._step(value, self._key() if how == "[" else self._take(), optional=how == "?.")
        return value

    def _step(self, value: Any, name: Any, *, optional: bool) -> Any:
        arguments = self._arguments() if self.at == "(" else None
        if self._quiet or (optional and value is None):
            return None
        if arguments is None:
            return value.get(name)
        return _known(_METHODS, name)(value, *arguments)

    def _key(self) -> Any:
        key = self.either()
        self._expect("]")
        return key

    def _arguments(self) -> list[Any]:
        self._expect("(")
        found: list[Any] = []
        while not self._next(")"):
            found.append(self.either())
            if self.at != ")":
                self._expect(",")
        return found

    def _first(self) -> Any:
        token = self._take()
        if token == "(":
            value = self.either()
            self._expect(")")
            return value
        if token[0] in "'\"":
            return token[1:-1]
        if token[0].isdigit():
            return float(token) if "." in token else int(token)
        if "::" in token:
            return _known(_REFERENCES, token)
        return self._document if token == "ctx" else _known(_WORDS, token)

    def _skipping(self, skip: bool, read: Callable[[], Any]) -> Any:
        self._quiet += skip
        try:
            return read()
        finally:
            self._quiet -= skip

    def _next(self, token: str) -> bool:
        found = self.at == token
        if found:
            self._take()
        return found

    def _expect(self, token: str) -> None:
        if not self._next(token):
            raise Unknown(self.at or "the end")

    def _take(self) -> str:
        if not self._tokens:
            raise Unknown("the end")
        return self._tokens.pop(0)


def _split(condition: str) -> list[str]:
    tokens, at = [], 0
    while at < len(condition.rstrip()):
        found = _TOKENS.match(condition, at)
        if not found:
            raise Unknown(condition[at:].strip())
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _known(names: Mapping[str, Any], name: str) -> Any:
    if name not in names:
        raise Unknown(name)
    return names[name]
