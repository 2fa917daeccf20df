"""MySQL's words: just enough to split scripts, to recognise statements and to read those no parser knows.

`sync_by_map("search", …)` is a string under the default sql_mode and a column name under ANSI_QUOTES, so the mode is
an argument of reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.polardb.errors import SqlError, syntax_error

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*|--(?=\s|$)[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\]|\\.|'')*')
      | (?P<double>"(?:[^"\\]|\\.|"")*")
      | (?P<name>`(?:[^`]|``)+`)
      | (?P<hex>[xX]'[0-9A-Fa-f]*'|0x[0-9A-Fa-f]+\b)
      | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?(?![\w$])|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<word>[\w$]+)
      | (?P<variable>@@?)
      | (?P<sign><=>|<<|>>|:=|->>|->|<=|>=|<>|!=|\|\||&&|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a", "%": r"\%", "_": r"\_"}
_VERSIONED = re.compile(r"/\*!(\d{5,6})?(.*?)\*/", re.DOTALL)


@dataclass(frozen=True)
class Token:
    """`kind`: word, name (quoted), string, number, hex, variable or sign; `text` as written; `value` unquoted."""

    kind: str
    text: str
    value: str
    start: int
    end: int


def tokens(sql: str, *, ansi_quotes: bool = False) -> list[Token]:
    """The words of `sql`, comments left out. Raises 1064 at an unclosed quote."""
    return list(_scan(sql, ansi_quotes))


def _scan(sql: str, ansi_quotes: bool) -> Iterator[Token]:
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        kind = match.lastgroup if match else None
        if match is None or kind is None or (kind == "sign" and match.group() in "'\"`"):
            raise syntax_error(sql, position)
        if kind != "space":
            yield _token(kind, match.group(), position, ansi_quotes)
        position = match.end()


def _token(kind: str, text: str, start: int, ansi_quotes: bool) -> Token:
    if kind == "double":
        kind = "name" if ansi_quotes else "string"
    return Token(kind, text, _value(kind, text), start, start + len(text))


def _value(kind: str, text: str) -> str:
    if kind == "name":
        return text[1:-1].replace(text[0] * 2, text[0])
    if kind == "string":
        inner = text[1:-1].replace(text[0] * 2, text[0])
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inner, flags=re.DOTALL)
    return text


def without_version_comments(sql: str, version: int = 80013) -> str:
    """`/*!40101 SET … */` is code for servers from 4.1.1 on; a newer number than ours is a comment."""
    if "/*!" not in sql:
        return sql
    return _VERSIONED.sub(lambda found: found[2] if int(found[1] or 0) <= version else " ", sql)


def statements(sql: str, *, ansi_quotes: bool = False) -> list[str]:
    """`sql` cut at its semicolons; empty ones are left out."""
    pieces, start = [], 0
    for token in tokens(sql, ansi_quotes=ansi_quotes):
        if token.text == ";":
            pieces.append(sql[start : token.start])
            start = token.end
    pieces.append(sql[start:])
    return [piece.strip() for piece in pieces if tokens(piece, ansi_quotes=ansi_quotes)]


class Reader:
    """Reads a statement word by word.

    `accept` looks and moves on only if it fits; the rest raise 1064 if it does not.
    """

    def __init__(self, sql: str, *, ansi_quotes: bool = False) -> None:
        self.sql = sql
        self.words = tokens(sql, ansi_quotes=ansi_quotes)
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    @property
    def position(self) -> int:
        """Where in the text the next word starts."""
        return len(self.sql) if self.done else self.words[self.at].start

    @property
    def rest(self) -> str:
        """The text not read yet."""
        return self.sql[self.position :]

    def error(self) -> SqlError:
        """1064, at the next word."""
        return syntax_error(self.sql, self.position)

    def peek(self, *words: str) -> bool:
        """Whether the next words are these (any case; never quoted ones)."""
        ahead = self.words[self.at : self.at + len(words)]
        return len(ahead) == len(words) and all(
            token.kind not in ("name", "string") and token.text.upper() == word
            for token, word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Moves past these words if they are next."""
        found = self.peek(*words)
        self.at += len(words) if found else 0
        return found

    def accept_any(self, *words: str) -> str | None:
        """Moves past one of these words, and says which."""
        return next((word for word in words if self.accept(word)), None)

    def expect(self, *words: str) -> None:
        """Moves past these words or raises 1064."""
        for word in words:
            if not self.accept(word):
                raise self.error()

    def take(self) -> Token:
        """The next word, whatever it is."""
        if self.done:
            raise self.error()
        self.at += 1
        return self.words[self.at - 1]

    def name(self) -> str:
        """An identifier, quoted or not."""
        if self.done or self.words[self.at].kind not in ("word", "name"):
            raise self.error()
        return self.take().value

    def string(self) -> str:
        """A string literal."""
        if self.done or self.words[self.at].kind != "string":
            raise self.error()
        return self.take().value

    def integer(self) -> int:
        """A whole number."""
        if self.done or not self.words[self.at].text.isdecimal():
            raise self.error()
        return int(self.take().text)

    def names(self) -> list[str]:
        """`(a, b, c)`."""
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if not self.done:
            raise self.error()
